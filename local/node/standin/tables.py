"""The tables of Odoo that the platform's own programs read: probes, checks, backups, drills. Names are Odoo's."""

from typing import Final, LiteralString

LOCK: Final = 8069
"""Of the advisory lock under which an empty database is filled: several processes start at once."""

TABLES: Final[LiteralString] = """
CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar UNIQUE, state varchar, latest_version varchar);
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text);
CREATE TABLE ir_act_server (id serial PRIMARY KEY, name varchar);
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, res_id int, UNIQUE (module, name));
CREATE TABLE ir_cron (id serial PRIMARY KEY, cron_name varchar, ir_actions_server_id int REFERENCES ir_act_server,
    active boolean, interval_seconds int, nextcall timestamp, lastcall timestamp, failure_count int DEFAULT 0);
CREATE TABLE ir_mail_server (id serial PRIMARY KEY, name varchar, smtp_host varchar, active boolean DEFAULT true);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, email varchar);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar UNIQUE, active boolean DEFAULT true,
    partner_id int REFERENCES res_partner);
CREATE TABLE product_template (id serial PRIMARY KEY, name jsonb, type varchar, list_price numeric);
CREATE TABLE product_product (id serial PRIMARY KEY, product_tmpl_id int REFERENCES product_template);
CREATE TABLE sale_order (id serial PRIMARY KEY, name varchar, client_order_ref varchar UNIQUE,
    partner_id int REFERENCES res_partner, state varchar, amount_total numeric,
    date_order timestamp DEFAULT (now() AT TIME ZONE 'utc'), create_date timestamp DEFAULT (now() AT TIME ZONE 'utc'));
CREATE TABLE sale_order_line (id serial PRIMARY KEY, order_id int REFERENCES sale_order ON DELETE CASCADE,
    product_id int REFERENCES product_product, product_uom_qty numeric, price_unit numeric);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id int UNIQUE REFERENCES product_product, quantity numeric);
CREATE TABLE queue_job (id serial PRIMARY KEY, uuid varchar UNIQUE, state varchar, payload jsonb,
    date_created timestamp DEFAULT (now() AT TIME ZONE 'utc'), eta timestamp, date_done timestamp);
CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, res_model varchar, res_id int, store_fname varchar,
    checksum varchar(40), file_size int, mimetype varchar);
CREATE INDEX ir_attachment_store_fname ON ir_attachment (store_fname);
"""
CONTENT: Final[LiteralString] = """
INSERT INTO ir_module_module (name, state, latest_version)
    SELECT name, 'installed', %(version)s FROM unnest(%(modules)s::text[]) AS name;
"""
ROWS: Final[tuple[LiteralString, ...]] = (
    (
        "INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', gen_random_uuid()),"
        " ('database.secret', gen_random_uuid())"
    ),
    "INSERT INTO ir_act_server (name) VALUES ('Base: auto-vacuum'), ('Sales: count orders')",
    "INSERT INTO ir_model_data (module, name, res_id) VALUES ('base', 'autovacuum_job_ir_actions_server', 1)",
    (
        "INSERT INTO ir_cron (cron_name, ir_actions_server_id, active, interval_seconds, nextcall)"
        " VALUES ('Base: auto-vacuum', 1, true, 86400, now() AT TIME ZONE 'utc'),"
        " ('Sales: count orders', 2, true, 60, now() AT TIME ZONE 'utc')"
    ),
    (
        "INSERT INTO res_partner (name, email) VALUES ('Administrator', 'admin@example.com'),"
        " ('A visitor', 'visitor@example.com')"
    ),
    "INSERT INTO res_users (login, partner_id) VALUES ('admin', 1), ('visitor', 2)",
    (
        "INSERT INTO product_template (name, type, list_price) SELECT jsonb_build_object('en_US', 'Thing ' || n),"
        " 'service', n * 1.5 FROM generate_series(1, 20) AS n"
    ),
    "INSERT INTO product_product (product_tmpl_id) SELECT id FROM product_template",
    "INSERT INTO stock_quant (product_id, quantity) SELECT id, 1000000 FROM product_product",
)
MODULES: Final = ("base", "web", "sale", "stock", "queue_job")
