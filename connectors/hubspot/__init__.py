"""HubSpot CRM: contacts, companies, deals, owners and activities."""
