"""The connector that `concord connector new NAME` copies.

A small tool over HTTP that keeps the whole contract.
"""
