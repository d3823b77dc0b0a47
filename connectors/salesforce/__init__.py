"""Salesforce (Sales Cloud), over its REST and Bulk interfaces."""
