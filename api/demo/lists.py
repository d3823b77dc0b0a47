"""The words from which the business is made. Nobody here exists, and no number can be called.

Numbers are of the ranges that the regulator keeps free for stories; addresses end in `.example`.
"""

from __future__ import annotations

OWNERS = (
    # name, team, still here
    ("Hana Okafor", "Supplies", True),
    ("Piotr Lindqvist", "Supplies", True),
    ("Leila Marsh", "Leases", True),
    ("Gwen Tolland", "Leases", True),
    ("Tom Abara", "Supplies", False),
)

CITIES = (
    # name, its telephone code, the exchange that is kept free there
    ("Leeds", "0113", "496"), ("Bristol", "0117", "496"), ("Manchester", "0161", "496"), ("London", "020", "7946"),
    ("Liverpool", "0151", "496"), ("Glasgow", "0141", "496"), ("Edinburgh", "0131", "496"),
    ("Birmingham", "0121", "496"), ("Sheffield", "0114", "496"), ("Reading", "0118", "496"),
)  # fmt: skip

COMPANIES = (
    "Oak & Rye", "Marlow Street Bakery", "Crumb Theory", "Sunny Side Café", "The Proving Drawer", "Harbour Buns",
    "Flourish & Co", "Twelve Loaves", "Northgate Hotel", "Little Oven", "Granary Lane", "Honey & Malt",
    "Kettle Row", "Dune Bistro", "Morning Batch", "Saffron Hill Deli", "Crossroads Canteen", "Fig & Fennel",
    "Old Mill Tearoom", "Tin Whistle Pies", "Larkspur Kitchen", "Bramble Court", "Seven Ovens", "Copper Kettle Inn",
    "Poppyseed Corner", "Westway Catering", "Juniper House", "Butterfield Bakes", "Quayside Grill", "Rosemary Row",
    "Stonegate Bakehouse", "Thyme & Again", "Velvet Crust", "Willow Tree Café", "Ashfield School Kitchens",
    "Beacon Hill Bakery", "Cinder Path Coffee", "Dovecote Dining", "Elderflower Events", "Foundry Lane Pizza",
    "Gable End Guesthouse", "Hazelnut House", "Ivy Yard", "Jubilee Buffet", "Kingfisher Hotel", "Lantern Street Deli",
    "Meadowsweet", "Nutmeg & Clove", "Orchard Wholefoods", "Parsonage Pantry", "Redbrick Rolls", "Skylark Sandwiches",
    "Tanner's Table", "Underhill Farm Shop", "Vine Street Bistro", "Wheatsheaf Arms", "Yarrow & Daughters",
    "Zest Kitchen", "Anchor Ship Bakery", "Bellfounder's Rest",
)  # fmt: skip

FIRST = (
    "Maya", "Jonas", "Priya", "Callum", "Ingrid", "Theo", "Amara", "Felix", "Noor", "Elsie", "Mateo", "Greta", "Idris",
    "Flora", "Kofi", "Sanne", "Rhys", "Zofia", "Dario", "Mabel", "Anouk", "Ewan", "Tamsin", "Luca", "Saoirse", "Omar",
    "Freya", "Bram", "Yara", "Hugo", "Ottilie", "Pavel", "Rosa", "Silas", "Thea", "Umar", "Vera", "Wilf", "Xenia",
    "Zachary",
)  # fmt: skip

OTHER_SPELLINGS = {
    "Zofia": "Sofia", "Mateo": "Matteo", "Noor": "Nour", "Yara": "Jara", "Thea": "Théa", "Pavel": "Pawel",
    "Jonas": "Jónas", "Sanne": "Sanna",
}  # fmt: skip
"""First names that one of the tools spells its own way."""

LAST = (
    "Hartley", "Bergstrom", "Nair", "Whitcombe", "Solberg", "Quayle", "Adeyemi", "Voss", "Rahimi", "Thackeray",
    "Castellan", "Lund", "Farouk", "Pemberton", "Boateng", "Dijkstra", "Penhale", "Nowicka", "Ferrante", "Ashdown",
    "Delacroix", "Munro", "Trelawny", "Bianchi", "Kinsella", "Haddad", "Nyberg", "Vermeer", "Salib", "Wexford",
    "Okonjo", "Prudhoe", "Ravenscar", "Sandoval", "Tillinghast", "Umbridge", "Vasquez", "Winterbourne", "Yilmaz",
    "Zeller", "Arkwright", "Blomqvist", "Cordova", "Drummond", "Eversley", "Fontaine", "Gallimore", "Holloway",
    "Iverson", "Jessop",
)  # fmt: skip

TITLES = ("Head Baker", "Owner", "Purchasing Manager", "Kitchen Manager", "Pastry Chef", "Bookkeeper")
EARLIER_TITLES = ("Baker", "Partner", "Buyer", "Sous Chef", "Pastry Assistant", "Accounts Clerk")
"""What each was before, where a tool has not heard of it."""

SUPPLIES = ("Rye flour, 25 kg", "Sourdough starter kit", "Proofing baskets", "Vanilla, 5 l", "Spelt flour, 16 kg")
MACHINES = ("Stone oven", "Spiral mixer", "Proofing cabinet", "Dough sheeter")

NOTES = ("Pays by invoice.", "Deliveries before seven.", "Prefers a call after service.", "Asked about rye.")
