"""What happens to a price's amount before it is rounded: one file per adjustment, put in their order by ``order``.

Each has ``apply(drafts)``: all drafts of one price in, those that go on out.
"""
