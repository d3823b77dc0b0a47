"""One record compared with every connection at once is compared as with each by itself."""

from __future__ import annotations

from core.flow.outward.compare import Step, differences, everywhere
from core.flow.saying import say
from core.store import bindings
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, Lab


def test_one_record_is_compared_everywhere_as_with_each_connection(lab: Lab) -> None:
    for name in ("crm", "shop", "desk"):
        lab.tool(name, mapping=EVERYTHING)
    company = lab.tools["crm"].create("companies", {"name": "Quay Ltd"})
    lab.tools["crm"].create("contacts", {"email": "ann@shore.example", "company_id": company})
    lab.settle("crm", "shop")
    ann = lab.record(email="ann@shore.example")
    say(lab.hub, ann.id, {"job_title": "Miller"})
    ann = lab.record(email="ann@shore.example")
    with lab.hub.store.reading() as tx:
        bound = bindings.of_records(tx, [ann.id])
        with counted(lab.hub.store) as seen:
            found = everywhere(lab.hub, tx, ann, bound, set())
        one_by_one = {one.name: differences(lab.hub, tx, one, {ann.id: ann}) for one in lab.hub.connections.values()}
    assert found == one_by_one
    assert {name: [one.step for one in some] for name, some in found.items()} == {
        "crm": [Step.UPDATE],
        "shop": [Step.UPDATE],
        "desk": [Step.CREATE],
    }
    assert len(seen) == 4
