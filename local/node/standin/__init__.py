"""A stand-in for Odoo, for environments that cannot have it. It is no Odoo and says so wherever it answers.

It has Odoo's ports and probes, reads Odoo's configuration, writes orders and files to the tenant's own database and
volume, keeps sessions through the very module that Odoo is given, listens and notifies as Odoo's bus does, and can be
told to be slow, to fail, or to break off a migration. What it shows is that the platform around it works; of Odoo's own
code, of its load and of its queries it shows nothing.

It runs on Python's own library, psycopg and redis, so that its image needs nothing of this project.
"""

WORDS = "a stand-in answers here: no Odoo runs in this environment"
