"""The connector for Mailchimp."""
