"""The programs of the image: how Odoo's processes start, are probed, are migrated, and how a closed shop answers.

They run in the image, on the Python that Odoo runs on; only what Odoo brings along is imported beside the standard
library, and where it is used.
"""
