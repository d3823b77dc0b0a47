"""The kit every connector stands on.

HTTP, sign-in, paging, limits, payloads, signatures, sandboxes, the contract.
"""
