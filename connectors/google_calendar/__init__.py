"""The connector for Google Calendar."""
