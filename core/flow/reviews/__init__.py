"""Reviews: what people answer is carried out, and what nobody answers is passed on or, where safe, settled."""
