"""Trials: a tool is tried with its own sandbox, before anybody gives it credentials, or with a draft of its mapping.

    asked ▶ a process of its own ─┬─ the tool's sandbox, with a few invented people
                                  ├─ an installation in a folder of its own, thrown away at the end   ▶ report
                                  └─ a tool in memory for the rest of the business

`running` starts that process, waits for it and cleans up behind it; `room` is what runs there; `playing` connects,
reads and writes; `telling` says what came of it. The process knows no store, no vault and no address but the sandbox's.
"""
