"""The connector for mail servers: sends by SMTP, reads bounces by IMAP."""
