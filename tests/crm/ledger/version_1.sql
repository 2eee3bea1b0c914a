-- A ledger of version 1 as it was written then. All data are synthetic.
PRAGMA application_id = 1381190727;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE admissions (
    day TEXT, level TEXT, cases INTEGER NOT NULL,
    PRIMARY KEY (day, level)
) WITHOUT ROWID;
INSERT INTO "admissions" VALUES('2026-03-20','alert',1);
CREATE TABLE cases (  -- one an alert, as of its newest revision
    alert_id TEXT PRIMARY KEY,
    customer_id TEXT,  -- null once erased
    revision INTEGER NOT NULL, level TEXT NOT NULL, open INTEGER NOT NULL,
    value_cents INTEGER NOT NULL, currency TEXT NOT NULL, time_ms INTEGER NOT NULL,
    canary INTEGER NOT NULL, backfill INTEGER NOT NULL, holdout INTEGER NOT NULL,
    do_not_contact INTEGER NOT NULL,
    standing TEXT NOT NULL, why TEXT, look_ms INTEGER, deferred_as TEXT,
    first_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    erase INTEGER NOT NULL DEFAULT 0,  -- its customer was erased
    -- Of what is in the CRM:
    there INTEGER NOT NULL DEFAULT 0,  -- a create was delivered, and no close
    admitted_ms INTEGER, created_ms INTEGER, acted_ms INTEGER, done_ms INTEGER, snooze_ms INTEGER,
    told TEXT, told_ms INTEGER, looked_ms INTEGER,
    record TEXT  -- the alert, while it is a candidate or admitted; last, for it is long
);
INSERT INTO "cases" VALUES('6b0ad1ee-e268-5752-ae74-1d03629742b1','customer-tried',1,'alert',1,10000,'EUR',1774008000000,0,0,0,0,'admitted',NULL,NULL,NULL,1774008000000,1774008000000,0,0,1774008000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"type":"alert","event_id":"6b0ad1ee-e268-5752-ae74-1d03629742b1/1","alert_id":"6b0ad1ee-e268-5752-ae74-1d03629742b1","revision":1,"customer_id":"customer-tried","rule":"silent","state":"raised","resolution":null,"level":"alert","arm":"treated","time":"2026-03-20T12:00:00.000Z","anchor":null,"reasons":[],"probability":0.8,"log_odds":{"prior":-3.0,"frustration":1.0,"silence":3.0},"usual_spend_per_day":"10.00","recurring_per_day":"0.00","spend_since":"0.00","visits_since":0,"unread_since":0,"days_since":20.0,"days_usual_spend_since":0.0,"irregularity_days":4.0,"value_at_risk":"100.00","currency":"EUR","trailing_spend":"3640.00","value_cutoff":null,"spend_by_week":[],"counters":{"spend_24h":"0.00","spend_7d":"0.00","spend_28d":"0.00","spend_90d":"0.00","spend_364d":"0.00","contacts_24h":0,"contacts_7d":0,"contacts_30d":0,"transfers_30d":0,"hangups_30d":0,"frustration":1.0},"backfill":false,"clears_when":"Synthetic.","summary":"Synthetic.","deadline":"2026-06-18T12:00:00.000Z","recommended_owner":null,"do_not_contact":false,"ruleset":"1"}');
INSERT INTO "cases" VALUES('ba26e975-f86c-5cc6-b712-0ac319fbacb8','customer-held',1,'alert',1,10000,'EUR',1774008000000,0,1,0,0,'held','backfill',NULL,NULL,1774008000000,1774008000000,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"type":"alert","event_id":"ba26e975-f86c-5cc6-b712-0ac319fbacb8/1","alert_id":"ba26e975-f86c-5cc6-b712-0ac319fbacb8","revision":1,"customer_id":"customer-held","rule":"silent","state":"raised","resolution":null,"level":"alert","arm":"treated","time":"2026-03-20T12:00:00.000Z","anchor":null,"reasons":[],"probability":0.8,"log_odds":{"prior":-3.0,"frustration":1.0,"silence":3.0},"usual_spend_per_day":"10.00","recurring_per_day":"0.00","spend_since":"0.00","visits_since":0,"unread_since":0,"days_since":20.0,"days_usual_spend_since":0.0,"irregularity_days":4.0,"value_at_risk":"100.00","currency":"EUR","trailing_spend":"3640.00","value_cutoff":null,"spend_by_week":[],"counters":{"spend_24h":"0.00","spend_7d":"0.00","spend_28d":"0.00","spend_90d":"0.00","spend_364d":"0.00","contacts_24h":0,"contacts_7d":0,"contacts_30d":0,"transfers_30d":0,"hangups_30d":0,"frustration":1.0},"backfill":true,"clears_when":"Synthetic.","summary":"Synthetic.","deadline":"2026-06-18T12:00:00.000Z","recommended_owner":null,"do_not_contact":false,"ruleset":"1"}');
INSERT INTO "cases" VALUES('f5ba677c-bc41-56c7-9f35-ceb253c5fb10','customer-deferred',1,'watch',1,10000,'EUR',1774008000000,0,0,0,0,'deferred',NULL,1774009200000,'watch',1774008000000,1774008600000,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"type":"alert","event_id":"f5ba677c-bc41-56c7-9f35-ceb253c5fb10/1","alert_id":"f5ba677c-bc41-56c7-9f35-ceb253c5fb10","revision":1,"customer_id":"customer-deferred","rule":"silent","state":"raised","resolution":null,"level":"watch","arm":"treated","time":"2026-03-20T12:00:00.000Z","anchor":null,"reasons":[],"probability":0.8,"log_odds":{"prior":-3.0,"frustration":1.0,"silence":3.0},"usual_spend_per_day":"10.00","recurring_per_day":"0.00","spend_since":"0.00","visits_since":0,"unread_since":0,"days_since":20.0,"days_usual_spend_since":0.0,"irregularity_days":4.0,"value_at_risk":"100.00","currency":"EUR","trailing_spend":"3640.00","value_cutoff":null,"spend_by_week":[],"counters":{"spend_24h":"0.00","spend_7d":"0.00","spend_28d":"0.00","spend_90d":"0.00","spend_364d":"0.00","contacts_24h":0,"contacts_7d":0,"contacts_30d":0,"transfers_30d":0,"hangups_30d":0,"frustration":1.0},"backfill":false,"clears_when":"Synthetic.","summary":"Synthetic.","deadline":"2026-06-18T12:00:00.000Z","recommended_owner":null,"do_not_contact":false,"ruleset":"1"}');
INSERT INTO "cases" VALUES('78ce347c-6266-502f-ab65-d62deac2c6b9','customer-new',1,'alert',1,10000,'EUR',1774008000000,0,0,0,0,'waiting',NULL,1774008000000,NULL,1774008000000,1774008000000,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"type":"alert","event_id":"78ce347c-6266-502f-ab65-d62deac2c6b9/1","alert_id":"78ce347c-6266-502f-ab65-d62deac2c6b9","revision":1,"customer_id":"customer-new","rule":"silent","state":"raised","resolution":null,"level":"alert","arm":"treated","time":"2026-03-20T12:00:00.000Z","anchor":null,"reasons":[],"probability":0.8,"log_odds":{"prior":-3.0,"frustration":1.0,"silence":3.0},"usual_spend_per_day":"10.00","recurring_per_day":"0.00","spend_since":"0.00","visits_since":0,"unread_since":0,"days_since":20.0,"days_usual_spend_since":0.0,"irregularity_days":4.0,"value_at_risk":"100.00","currency":"EUR","trailing_spend":"3640.00","value_cutoff":null,"spend_by_week":[],"counters":{"spend_24h":"0.00","spend_7d":"0.00","spend_28d":"0.00","spend_90d":"0.00","spend_364d":"0.00","contacts_24h":0,"contacts_7d":0,"contacts_30d":0,"transfers_30d":0,"hangups_30d":0,"frustration":1.0},"backfill":false,"clears_when":"Synthetic.","summary":"Synthetic.","deadline":"2026-06-18T12:00:00.000Z","recommended_owner":null,"do_not_contact":false,"ruleset":"1"}');
CREATE TABLE dispositions (webhook_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (  -- in the order in which an alert's are sent
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, kind TEXT NOT NULL,
    record TEXT, body BLOB,  -- until it is delivered
    state TEXT NOT NULL DEFAULT 'queued',
    made_ms INTEGER NOT NULL, tried_ms INTEGER, ended_ms INTEGER,
    next_ms INTEGER,  -- of the first that is queued of an alert, of no other
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT
);
INSERT INTO "messages" VALUES(1,'6b0ad1ee-e268-5752-ae74-1d03629742b1/1','6b0ad1ee-e268-5752-ae74-1d03629742b1','create','{"type":"alert","event_id":"6b0ad1ee-e268-5752-ae74-1d03629742b1/1","alert_id":"6b0ad1ee-e268-5752-ae74-1d03629742b1","revision":1,"customer_id":"customer-tried","rule":"silent","state":"raised","resolution":null,"level":"alert","arm":"treated","time":"2026-03-20T12:00:00.000Z","anchor":null,"reasons":[],"probability":0.8,"log_odds":{"prior":-3.0,"frustration":1.0,"silence":3.0},"usual_spend_per_day":"10.00","recurring_per_day":"0.00","spend_since":"0.00","visits_since":0,"unread_since":0,"days_since":20.0,"days_usual_spend_since":0.0,"irregularity_days":4.0,"value_at_risk":"100.00","currency":"EUR","trailing_spend":"3640.00","value_cutoff":null,"spend_by_week":[],"counters":{"spend_24h":"0.00","spend_7d":"0.00","spend_28d":"0.00","spend_90d":"0.00","spend_364d":"0.00","contacts_24h":0,"contacts_7d":0,"contacts_30d":0,"transfers_30d":0,"hangups_30d":0,"frustration":1.0},"backfill":false,"clears_when":"Synthetic.","summary":"Synthetic.","deadline":"2026-06-18T12:00:00.000Z","recommended_owner":null,"do_not_contact":false,"ruleset":"1"}',X'7B2272657175657374223A7B226D6574686F64223A22504F5354222C2270617468223A222F222C22626F6479223A2265794A7A655735306147563061574D694F694230636E566C4C4341692F79493649444639222C2268656164657273223A7B2261223A2262227D7D2C2266696E64223A6E756C6C7D','queued',1774008000000,1774008000000,NULL,1774008000000,1,'timeout');
CREATE TABLE positions (
    topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
INSERT INTO "positions" VALUES('alerts',0,4);
CREATE TABLE profiles (  -- only of customers with either
    customer_id TEXT PRIMARY KEY, account_id TEXT, do_not_contact INTEGER, time_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE topics (topic TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX profiles_by_account ON profiles (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX cases_by_standing ON cases (standing, why, level);
CREATE INDEX cases_by_customer ON cases (customer_id, done_ms);
CREATE INDEX cases_by_look ON cases (look_ms) WHERE look_ms IS NOT NULL;
CREATE INDEX cases_of_canary ON cases (alert_id) WHERE canary = 1;
CREATE INDEX cases_by_refresh ON cases (looked_ms) WHERE there = 1 AND open = 1 AND standing = 'admitted';
CREATE INDEX messages_by_alert ON messages (alert_id, seq);
CREATE INDEX messages_due ON messages (next_ms, seq) WHERE next_ms IS NOT NULL;
CREATE INDEX messages_queued ON messages (made_ms) WHERE state = 'queued';
CREATE INDEX messages_given_up ON messages (seq) WHERE state = 'given_up';
CREATE INDEX dispositions_by_time ON dispositions (at_ms);
COMMIT;
