"""The connector for Stripe."""
