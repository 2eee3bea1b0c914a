"""What a CRM team needs: alerts from Kafka into a table, each once, whatever crashes in between.

python docs/crm_reader.py BROKERS TOPIC DATABASE
"""  # noqa: INP001 - a file to copy

import json
import sqlite3
import sys

from kafka import KafkaConsumer

brokers, topic, database = sys.argv[1:]
crm = sqlite3.connect(database)
crm.execute("CREATE TABLE IF NOT EXISTS alerts (event_id PRIMARY KEY, customer_id, level, state, summary)")
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
        with crm:  # handled for good before it is committed; what comes again has the same event_id
            alerts = [json.loads(record.value) for record in records]
            crm.executemany(
                "INSERT OR IGNORE INTO alerts VALUES (:event_id, :customer_id, :level, :state, :summary)",
                alerts,
            )
    consumer.commit()
