"""Who is who: records that turn out to be one are joined, in the hub and in the tools; doubles are shown."""
