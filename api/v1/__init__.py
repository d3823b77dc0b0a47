"""The REST API, version 1: the hub for programs. Keys with scopes, cursors, ETags, problems as RFC 9457 has them."""
