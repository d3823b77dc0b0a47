"""What goes out: what a tool should hold is compared with what it holds, and the difference is sent and booked."""
