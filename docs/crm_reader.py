"""What a CRM team needs: alerts from Kafka into a table of leads, whatever crashes in between.

One lead for each `alert_id`: an alert comes again with each revision (raised, updated, resolved), so a lead
for each record would be two or three for one customer to win back. The newest revision counts.

python docs/crm_reader.py BROKERS TOPIC DATABASE
"""  # noqa: INP001 - a file to copy

import json
import sqlite3
import sys

from kafka import KafkaConsumer

UPSERT = """
INSERT INTO leads VALUES (:alert_id, :revision, :customer_id, :level, :state, :do_not_contact, :summary)
ON CONFLICT (alert_id) DO UPDATE SET
    revision = excluded.revision, level = excluded.level, state = excluded.state,
    do_not_contact = excluded.do_not_contact, summary = excluded.summary
WHERE excluded.revision > leads.revision
"""

brokers, topic, database = sys.argv[1:]
crm = sqlite3.connect(database)
crm.execute(
    "CREATE TABLE IF NOT EXISTS leads "
    "(alert_id PRIMARY KEY, revision, customer_id, level, state, do_not_contact, summary)"
)
consumer = KafkaConsumer(
    topic,
    bootstrap_servers=brokers,
    group_id="crm",
    isolation_level="read_committed",  # else alerts show that are taken back
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    session_timeout_ms=10_000,  # after a crash its partitions wait as long
)
while True:
    for records in consumer.poll(timeout_ms=1000).values():
        with crm:  # handled for good before it is committed; what comes again is no newer revision
            alerts = [{"do_not_contact": False, **json.loads(record.value)} for record in records]
            crm.executemany(UPSERT, alerts)
    consumer.commit()
