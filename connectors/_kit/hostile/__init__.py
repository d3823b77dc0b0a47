"""The hostile room: seeded histories played against a connector's own stand-in, beside a second tool.

`concord connector test NAME --hostile` runs it. People work in both tools, trouble is switched on, the hub is
killed and goes on; when all has come to rest, laws that hold for any connector are held against what the tools
truly hold. A connector takes part by naming its `people` on the harness of its contract test. What builds an
installation is handed in, since nothing here may import it.
"""
