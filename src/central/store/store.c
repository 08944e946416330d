#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store_broker.h"
#include "store_query.h"

#define BUSY_LIMIT_MS 2000 /* somebody looks into the file with another program */
#define TELL_EVERY_S 5     /* while a large file is changed */
#define TELL_STEPS 1000000 /* of SQLite's machine, between two looks at the clock */
#define BESIDE_TRIES 40000 /* of half a millisecond: between two commits of a busy service there is less */

struct schema {
    const char *const *steps; /* n takes a file from version n to n + 1. A released one is never edited. */
    int64_t version;          /* how many there are */
    bool events;
};

static const char *const CENTRAL_STEPS[] = {
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE enrolment_group (id TEXT PRIMARY KEY, display_name TEXT, type TEXT, primary_key TEXT,"
    " secondary_key TEXT, ca_pem TEXT, enabled INTEGER NOT NULL, etag INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE device (id TEXT PRIMARY KEY, display_name TEXT, template_id TEXT, model_id TEXT,"
    " primary_key TEXT, secondary_key TEXT, group_id TEXT, hub_host TEXT, provisioning_payload TEXT,"
    " organizations TEXT, enabled INTEGER NOT NULL, provisioned INTEGER NOT NULL, simulated INTEGER NOT NULL,"
    " approved INTEGER NOT NULL, etag INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX device_nocase ON device (id COLLATE NOCASE);"
    "CREATE TABLE twin (device_id TEXT PRIMARY KEY REFERENCES device ON DELETE CASCADE, desired TEXT NOT NULL,"
    " reported TEXT NOT NULL, desired_meta TEXT, reported_meta TEXT, desired_version INTEGER NOT NULL,"
    " reported_version INTEGER NOT NULL);"
    "CREATE TABLE message (device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, qos INTEGER NOT NULL, component TEXT, system TEXT, properties TEXT,"
    " body BLOB NOT NULL, UNIQUE (device_id, seq));"
    "CREATE TABLE telemetry_value (device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE,"
    " component TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " PRIMARY KEY (device_id, component, name)) WITHOUT ROWID;"
    "CREATE TABLE c2d (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE, expires_ms INTEGER NOT NULL,"
    " enqueued_ms INTEGER NOT NULL, bag TEXT, body BLOB NOT NULL);"
    "CREATE INDEX c2d_device ON c2d (device_id, seq);"
    "CREATE TABLE session (client_id TEXT PRIMARY KEY, subscriptions TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE command (device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " component TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, UNIQUE (device_id, seq));",

    "CREATE TABLE device_template (id TEXT PRIMARY KEY, model_id TEXT NOT NULL UNIQUE, json TEXT NOT NULL,"
    " etag INTEGER NOT NULL);"
    "CREATE INDEX device_of_template ON device (template_id);"
    "CREATE INDEX device_of_model ON device (model_id);"
    "CREATE TABLE misfit (device_id TEXT PRIMARY KEY REFERENCES device ON DELETE CASCADE,"
    " unmodeled INTEGER NOT NULL, wrong_type INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    " last_reason TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE cloud_property (device_id TEXT PRIMARY KEY REFERENCES device ON DELETE CASCADE,"
    " json TEXT NOT NULL) WITHOUT ROWID;",

    "ALTER TABLE message ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN message_id TEXT;"
    "ALTER TABLE message ADD COLUMN duplicate INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_of_id ON message (device_id, message_id) WHERE message_id IS NOT NULL;",

    "CREATE TABLE document (kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, organizations TEXT,"
    " etag INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;",

    /* enrolment_group.ca_pem is not used any more */
    "CREATE TABLE IF NOT EXISTS certificate (kind INTEGER NOT NULL, owner TEXT NOT NULL, entry TEXT NOT NULL,"
    " subject BLOB NOT NULL, der BLOB NOT NULL, verified INTEGER NOT NULL, code TEXT, etag INTEGER NOT NULL,"
    " PRIMARY KEY (kind, owner, entry)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS certificate_of_subject ON certificate (kind, subject);"
    "CREATE TRIGGER IF NOT EXISTS group_certificates AFTER DELETE ON enrolment_group"
    " BEGIN DELETE FROM certificate WHERE kind = 0 AND owner = old.id; END;"
    "CREATE TRIGGER IF NOT EXISTS device_certificates AFTER DELETE ON device"
    " BEGIN DELETE FROM certificate WHERE kind = 1 AND owner = old.id; END;",

    /* event_rare*: what is not telemetry is found without walking through it */
    "CREATE TABLE event (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, device_id TEXT, seq INTEGER,"
    " at_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, qos INTEGER NOT NULL, duplicate INTEGER NOT NULL,"
    " component TEXT, message_id TEXT, template_id TEXT, system TEXT, properties TEXT, body BLOB NOT NULL);"
    "INSERT INTO event SELECT rowid, 1, device_id, seq, at_ms, created_ms, qos, duplicate, component, message_id,"
    " NULL, system, properties, body FROM message ORDER BY rowid;"
    "DROP TABLE message;"
    "CREATE UNIQUE INDEX event_of_device ON event (device_id, seq);"
    "CREATE INDEX event_of_id ON event (device_id, message_id) WHERE message_id IS NOT NULL;"
    "CREATE INDEX event_rare ON event (position) WHERE kind <> 1;"
    "CREATE INDEX event_rare_of_device ON event (device_id, seq) WHERE kind <> 1;"
    "CREATE TABLE consumer (name TEXT PRIMARY KEY, position INTEGER NOT NULL, lost INTEGER NOT NULL) WITHOUT ROWID;",

    "CREATE TABLE IF NOT EXISTS job_device (job_id TEXT NOT NULL, device_id TEXT NOT NULL, state INTEGER NOT NULL,"
    " message TEXT, PRIMARY KEY (job_id, device_id)) WITHOUT ROWID;",

    "CREATE TABLE IF NOT EXISTS upload (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE, blob_name TEXT NOT NULL, blob_uri TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, success INTEGER NOT NULL,"
    " status INTEGER NOT NULL, description TEXT);"
    "CREATE INDEX IF NOT EXISTS upload_of_device ON upload (device_id, seq);",

    "CREATE INDEX device_by_name ON device (coalesce(display_name, id), id);"
    "ALTER TABLE device_template ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "UPDATE device_template SET name = coalesce(json_extract(json, '$.displayName'), id);"
    "CREATE INDEX template_by_name ON device_template (name, id);",

    "CREATE TABLE IF NOT EXISTS relationship (source TEXT NOT NULL REFERENCES device ON DELETE CASCADE,"
    " id TEXT NOT NULL, target TEXT NOT NULL UNIQUE REFERENCES device ON DELETE CASCADE, etag INTEGER NOT NULL,"
    " PRIMARY KEY (source, id)) WITHOUT ROWID;",

    "CREATE INDEX IF NOT EXISTS device_simulated ON device (id) WHERE simulated <> 0;",

    "ALTER TABLE enrolment_group ADD COLUMN organizations TEXT;",

    /* store_clear.c */
    "CREATE TABLE cleared (device_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX cleared_by_position ON cleared (position);",

    /* of jobs: "status" and "createdMs"; of scheduled ones: "nextMs" */
    "ALTER TABLE document ADD COLUMN status TEXT; ALTER TABLE document ADD COLUMN at_ms INTEGER;"
    "UPDATE document SET status = json_extract(json, '$.status'), at_ms = json_extract(json, '$.createdMs')"
    " WHERE kind = 'job';"
    "UPDATE document SET at_ms = json_extract(json, '$.nextMs') WHERE kind = 'scheduledJob';"
    "CREATE INDEX document_of_status ON document (kind, status, at_ms, id) WHERE at_ms IS NOT NULL;",
};

static const char *const BROKER_STEPS[] = {
    "CREATE TABLE broker_session (client_id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE broker_subscription (client_id TEXT NOT NULL REFERENCES broker_session ON DELETE CASCADE,"
    " filter TEXT NOT NULL, qos INTEGER NOT NULL, PRIMARY KEY (client_id, filter)) WITHOUT ROWID;"
    "CREATE TABLE broker_delivery (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " client_id TEXT NOT NULL REFERENCES broker_session ON DELETE CASCADE, packet_id INTEGER NOT NULL,"
    " qos INTEGER NOT NULL, state INTEGER NOT NULL, retain INTEGER NOT NULL, topic TEXT NOT NULL,"
    " payload BLOB NOT NULL);"
    "CREATE INDEX broker_delivery_of_session ON broker_delivery (client_id);"
    "CREATE TABLE broker_unreleased (client_id TEXT NOT NULL REFERENCES broker_session ON DELETE CASCADE,"
    " packet_id INTEGER NOT NULL, PRIMARY KEY (client_id, packet_id)) WITHOUT ROWID;"
    "CREATE TABLE broker_retained (topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE broker_will (client_id TEXT PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL,"
    " qos INTEGER NOT NULL, retain INTEGER NOT NULL) WITHOUT ROWID;",
};

#define COUNT(steps) ((int64_t)(sizeof(steps) / sizeof(steps)[0]))
static const struct schema CENTRAL = {CENTRAL_STEPS, COUNT(CENTRAL_STEPS), true};
static const struct schema BROKER = {BROKER_STEPS, COUNT(BROKER_STEPS), false};

static spoke_status run(struct store *s, const char *sql)
{
    return store_status(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static spoke_status pragma_int(struct store *s, const char *sql, int64_t *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    const bool found = store_query_row(&q);
    if (found)
        *out = store_query_take_int(&q);
    return store_query_close_found(&q, found);
}

/* A link would have the mode of somebody else's file changed. */
spoke_status store_make_private(const char *path, char *why, size_t why_cap)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0) {
        snprintf(why, why_cap, "the store %s cannot be opened: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return SPOKE_E_PORT;
    }
    close(fd);
    return SPOKE_OK;
}

/* Whom to tell of a file that is changed to this format. */
struct telling {
    store_tell_fn tell;
    void *ctx;
    const char *path;
    int64_t from, step; /* formats */
    time_t begun_s, told_s;
};

static time_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void tell(struct telling *t, const char *format, long long a, long long b)
{
    char text[160], line[640];
    if (t->tell == NULL || t->from == 0)
        return;
    snprintf(text, sizeof text, format, a, b);
    snprintf(line, sizeof line, "the store %s %s", t->path, text);
    t->tell(t->ctx, line);
    t->told_s = now_s();
}

static int tell_of_time(void *ctx)
{
    struct telling *t = ctx;
    if (now_s() - t->told_s >= TELL_EVERY_S)
        tell(t, "is being changed to format %lld, %lld s so far", (long long)t->step,
             (long long)(now_s() - t->begun_s));
    return 0;
}

static spoke_status migrate(struct store *s, struct telling *t)
{
    const int64_t to = s->schema->version;
    char pragmas[128];
    int64_t overwrites = 0;
    t->begun_s = now_s();
    tell(t, "has format %lld and is changed to %lld: a while, when it is large", (long long)t->from,
         (long long)to);
    sqlite3_progress_handler(s->db, TELL_STEPS, tell_of_time, t);
    /* Debian's SQLite overwrites what is deleted. Here that is what was copied just before. */
    spoke_status status = pragma_int(s, "PRAGMA secure_delete", &overwrites);
    if (status == SPOKE_OK)
        status = run(s, "PRAGMA secure_delete=FAST; BEGIN IMMEDIATE");
    for (t->step = t->from + 1; t->step <= to && status == SPOKE_OK; t->step++)
        status = run(s, s->schema->steps[t->step - 1]);
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA application_id=%d; PRAGMA user_version=%lld; COMMIT; PRAGMA secure_delete=%lld",
             STORE_APPLICATION_ID, (long long)to, (long long)overwrites);
    if (status == SPOKE_OK)
        status = run(s, pragmas);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (status != SPOKE_OK)
        (void)run(s, "ROLLBACK");
    else
        tell(t, "has format %lld now, after %lld s", (long long)to, (long long)(now_s() - t->begun_s));
    return status;
}

static spoke_status check_schema(struct store *s, struct telling *t, char *why, size_t why_cap)
{
    int64_t application = 0, version = 0, tables = 0;
    spoke_status status = pragma_int(s, "PRAGMA application_id", &application);
    if (status == SPOKE_OK)
        status = pragma_int(s, "PRAGMA user_version", &version);
    if (status == SPOKE_OK)
        status = pragma_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
    if (status != SPOKE_OK)
        return status;
    if (application != STORE_APPLICATION_ID && tables > 0) {
        snprintf(why, why_cap, "%s is a database of another program", t->path);
        return SPOKE_E_PORT;
    }
    if (version > s->schema->version || version < 0) {
        snprintf(why, why_cap, "%s was written by a newer spoke-central (format %lld, known up to %lld)", t->path,
                 (long long)version, (long long)s->schema->version);
        return SPOKE_E_PORT;
    }
    t->from = version;
    return version < s->schema->version ? migrate(s, t) : SPOKE_OK;
}

static spoke_status set_up(struct store *s, struct telling *t, bool durable, char *why, size_t why_cap)
{
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_LIMIT_MS);
    s->durable = durable;
    /* trusted_schema: nothing in a file that was swapped under us gets to run functions. journal_size_limit: as large as
     * store_checkpoint.c lets the log become, as cutting it off and growing it again costs more than the writing. */
    spoke_status status = run(s, "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA journal_mode=WAL;"
                                 "PRAGMA journal_size_limit=268435456;"
                                 "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY");
    if (status == SPOKE_OK)
        status = run(s, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (status == SPOKE_OK)
        status = check_schema(s, t, why, why_cap);
    if (status == SPOKE_OK && s->schema->events)
        status = store_events_begin(s);
    if (status == SPOKE_OK)
        store_checkpoint_begin(s);
    return status;
}

static void explain(const struct store *s, const char *path, char *why, size_t why_cap)
{
    const int code = s->db != NULL ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;
    const char *text = s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory";
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        snprintf(why, why_cap, "%s is damaged or not a store of spoke-central (%s); move it away to start anew",
                 path, text);
    else
        snprintf(why, why_cap, "the store %s cannot be opened: %s", path, text);
}

static struct store *allocate(const struct schema *schema)
{
    struct store *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->schema = schema;
        store_keep(s, STORE_ALL_MESSAGES_KEPT);
        s->events = STORE_NOT_COUNTED;
    }
    return s;
}

static spoke_status open_as(const struct schema *schema, struct telling *t, bool durable, struct store **out,
                            char *why, size_t why_cap)
{
    const char *path = t->path;
    const bool in_memory = strcmp(path, ":memory:") == 0;
    char unread[1];
    why = why != NULL && why_cap > 0 ? why : unread;
    why_cap = why != unread ? why_cap : sizeof unread;
    why[0] = '\0';
    struct store *s = allocate(schema);
    spoke_status status = s == NULL ? SPOKE_E_NO_MEMORY : SPOKE_OK;
    if (status == SPOKE_OK && !in_memory)
        status = store_make_private(path, why, why_cap);
    if (status == SPOKE_OK)
        status = store_status(
            sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    if (status == SPOKE_OK)
        status = set_up(s, t, durable, why, why_cap);
    if (status == SPOKE_OK) {
        *out = s;
        return SPOKE_OK;
    }
    if (s != NULL && why[0] == '\0')
        explain(s, path, why, why_cap);
    store_close(s);
    return status;
}

spoke_status store_open(const char *path, bool durable, struct store **out, char *why, size_t why_cap)
{
    return store_open_telling(path, durable, NULL, NULL, out, why, why_cap);
}

spoke_status store_open_telling(const char *path, bool durable, store_tell_fn teller, void *ctx,
                                struct store **out, char *why, size_t why_cap)
{
    struct telling telling = {.tell = teller, .ctx = ctx, .path = path};
    return open_as(&CENTRAL, &telling, durable, out, why, why_cap);
}

spoke_status store_broker_open(const char *path, bool durable, struct store **out, char *why, size_t why_cap)
{
    struct telling nobody = {.path = path};
    return open_as(&BROKER, &nobody, durable, out, why, why_cap);
}

static int try_again(void *ctx, int tries)
{
    const struct timespec pause = {0, 500000};
    (void)ctx;
    (void)nanosleep(&pause, NULL);
    return tries < BESIDE_TRIES;
}

static spoke_status check_present(struct store *s, const char *path, char *why, size_t why_cap)
{
    int64_t application = 0, version = 0;
    spoke_status status = pragma_int(s, "PRAGMA application_id", &application);
    if (status == SPOKE_OK)
        status = pragma_int(s, "PRAGMA user_version", &version);
    if (status != SPOKE_OK || (application == STORE_APPLICATION_ID && version == s->schema->version))
        return status;
    if (application != STORE_APPLICATION_ID)
        snprintf(why, why_cap, "%s is a database of another program", path);
    else
        snprintf(why, why_cap,
                 "%s is of format %lld, and this spoke-central's is %lld; start the service with it first", path,
                 (long long)version, (long long)s->schema->version);
    return SPOKE_E_PORT;
}

spoke_status store_open_beside(const char *path, struct store **out, char *why, size_t why_cap)
{
    struct store *s = allocate(&CENTRAL);
    why[0] = '\0';
    if (s == NULL)
        return SPOKE_E_NO_MEMORY;
    s->durable = true;
    spoke_status status =
        store_status(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (status == SPOKE_OK) {
        (void)sqlite3_extended_result_codes(s->db, 1);
        (void)sqlite3_busy_handler(s->db, try_again, NULL);
        (void)sqlite3_wal_autocheckpoint(s->db, 0);
        status = run(s, "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL");
    }
    if (status == SPOKE_OK)
        status = check_present(s, path, why, why_cap);
    if (status == SPOKE_OK) {
        *out = s;
        return SPOKE_OK;
    }
    if (why[0] == '\0')
        explain(s, path, why, why_cap);
    store_close(s);
    return status;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->begun)
        (void)store_commit(s);
    store_checkpoint_end(s);
    for (size_t i = 0; i < s->statement_count; i++)
        sqlite3_finalize(s->statements[i].statement);
    sqlite3_close(s->db);
    free(s);
}

bool store_spoilt(const struct store *s)
{
    return s->begun && (s->spoilt || sqlite3_get_autocommit(s->db));
}

spoke_status store_begin(struct store *s)
{
    if (s->begun)
        return store_spoilt(s) ? SPOKE_E_PORT : SPOKE_OK;
    const spoke_status status = run(s, "BEGIN IMMEDIATE");
    s->begun = status == SPOKE_OK;
    return status;
}

static spoke_status commit(struct store *s)
{
    spoke_status status = store_values_flush(s);
    if (status == SPOKE_OK)
        status = store_events_forget(s);
    /* A full disk or an I/O error ends the transaction by itself: its rows are gone and nobody may hear "kept". */
    if (store_spoilt(s))
        return SPOKE_E_PORT;
    return status == SPOKE_OK ? run(s, "COMMIT") : status;
}

spoke_status store_commit(struct store *s)
{
    if (!s->begun)
        return SPOKE_OK;
    const spoke_status status = commit(s);
    s->begun = s->spoilt = false;
    if (status == SPOKE_OK) {
        s->committed = s->position;
        store_checkpoint(s);
        return SPOKE_OK;
    }
    s->events = STORE_NOT_COUNTED;
    s->position = s->committed; /* nobody has seen those behind it */
    if (!sqlite3_get_autocommit(s->db))
        (void)run(s, "ROLLBACK");
    if (s->schema->events) {
        (void)store_consumers_begin(s);
        (void)store_clear_begin(s);
    }
    return status;
}

spoke_status store_setting_get(struct store *s, const char *name, char **value)
{
    static const char SQL[] = "SELECT value FROM setting WHERE name = ?";
    return store_query_find_text(s, SQL, name, value);
}

spoke_status store_setting_put(struct store *s, const char *name, const char *value)
{
    static const char SQL[] = "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, name);
    store_query_text(&q, value);
    return store_query_run(&q);
}
