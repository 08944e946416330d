/* What the service keeps: SQLite now, behind functions that another store can implement. Rows are plain structs
 * whose text is on the heap (release with the *_free beside it; NULL members mean "none"). Not thread-safe.
 * Writes between store_begin and store_commit are one transaction; the event loop commits once a round, and
 * acknowledgements leave after the commit. */
#ifndef SPOKE_SRC_CENTRAL_STORE_H
#define SPOKE_SRC_CENTRAL_STORE_H

#include <spoke/base.h>

struct store;

/* Bounds per device, so that a disk does not fill up by itself: beyond them the oldest goes. */
#define STORE_MESSAGES_KEPT 100000 /* events, telemetry among them */
#define STORE_VALUES_KEPT 1000     /* telemetry names with a last value */
#define STORE_COMMANDS_KEPT 1000
/* And of all devices together, unless store_keep says otherwise: about 4 GB of small messages. Events of all kinds. */
#define STORE_ALL_MESSAGES_KEPT 10000000

/* path ":memory:" keeps nothing; a file is made for its owner only (0600). durable false: a commit does not wait for the
 * disk, and a machine that fails loses the last of them, but not the file (synchronous=NORMAL).
 * E_PORT and a sentence in why: no access, damaged, another program's, a newer format. */
spoke_status store_open(const char *path, bool durable, struct store **out, char *why, size_t why_cap);
/* The same, and tell hears a line when the file has an older format, every few seconds while it is changed to this one
 * (some ten seconds for a million messages), and at the end. */
typedef void (*store_tell_fn)(void *ctx, const char *line);
spoke_status store_open_telling(const char *path, bool durable, store_tell_fn tell, void *ctx, struct store **out,
                                char *why, size_t why_cap);
/* The same of a store that is there, and of this program's format, to read and write a little beside a service that
 * may have it open: makes nothing, changes no format, and store_begin waits for the service's commits, up to 20 s.
 * Durable. */
spoke_status store_open_beside(const char *path, struct store **out, char *why, size_t why_cap);
void store_close(struct store *s);
/* How many events of all devices together stay at least; somewhat more do between two looks. */
void store_keep(struct store *s, uint32_t events);
/* Events that are so much older than the newest one go, now and then; 0, as it is at first: age does not matter. */
void store_keep_ms(struct store *s, int64_t age_ms);
/* Copies the store in from_path, which may be open elsewhere and written to, as it is at one moment to the new file
 * to_path. progress, when given, is told percent from time to time. E_PORT and a sentence in why. */
typedef void (*store_backup_fn)(void *ctx, unsigned percent);
spoke_status store_backup(const char *from_path, const char *to_path, store_backup_fn progress, void *ctx,
                          char *why, size_t why_cap);
/* Fine when already begun. E_PORT: the store takes no writes, or has lost some of what was begun: store_commit ends it. */
spoke_status store_begin(struct store *s);
/* Fine when nothing was begun. E_PORT: what was written since store_begin is gone. */
spoke_status store_commit(struct store *s);

/* E_NOT_FOUND from what writes for a device: there is no such device. Each-callbacks may read and write the store.
 */

/* Named settings: id scope, application id and secret. *value on the heap. */
spoke_status store_setting_get(struct store *s, const char *name, char **value);
spoke_status store_setting_put(struct store *s, const char *name, const char *value);

/* --- enrolment groups --- */
struct store_group {
    char *id, *display_name, *type;    /* "iot" */
    char *primary_key, *secondary_key; /* base64; NULL: an X.509 group, whose authorities are certificates below */
    char *organizations;               /* JSON array of ids that its new devices get, or NULL: none */
    bool enabled;
    int64_t etag;
};
void store_group_free(struct store_group *row);
spoke_status store_group_get(struct store *s, const char *id, struct store_group *out);
/* row->etag is the first one of a new row (take the time, so that a row deleted and made again does not repeat one);
 * later the store raises it. */
spoke_status store_group_put(struct store *s, const struct store_group *row);
spoke_status store_group_delete(struct store *s, const char *id);
spoke_status store_group_count(struct store *s, size_t *out);
/* Calls `each` in order of id, after `after` (NULL: from the start), at most limit; false stops. */
spoke_status store_group_each(struct store *s, const char *after, size_t limit,
                              bool (*each)(void *ctx, const struct store_group *row), void *ctx);

/* --- certificates: authorities whose devices a group takes, and a device's own --- */
enum store_owner { STORE_OF_GROUP, STORE_OF_DEVICE };
struct store_certificate {
    char *owner; /* id of the group or device; with it they go */
    char *entry; /* "primary", "secondary"; of a group also "file-0" and so on, of --device-ca */
    void *der;
    size_t der_len;
    bool verified; /* groups: somebody has proven to have its key */
    char *code;    /* groups: what the proof has to bear; NULL: none was asked for */
    int64_t etag;
};
void store_certificate_free(struct store_certificate *row);
spoke_status store_certificate_get(struct store *s, enum store_owner kind, const char *owner, const char *entry,
                                   struct store_certificate *out);
/* subject: digest of its name, to find authorities by. The etag as in store_group_put. */
spoke_status store_certificate_put(struct store *s, enum store_owner kind, const struct store_certificate *row,
                                   const uint8_t subject[32]);
/* entry NULL: all of the owner. E_NOT_FOUND: none was there. */
spoke_status store_certificate_delete(struct store *s, enum store_owner kind, const char *owner,
                                      const char *entry);
spoke_status store_certificate_each(struct store *s, enum store_owner kind, const char *owner,
                                    bool (*each)(void *ctx, const struct store_certificate *row), void *ctx);
/* Those of groups, verified or not, that have this subject. */
spoke_status store_authority_each(struct store *s, const uint8_t subject[32],
                                  bool (*each)(void *ctx, const struct store_certificate *row), void *ctx);

/* --- devices --- */
struct store_device {
    char *id; /* case matters; DPS looks up without case */
    char *display_name, *template_id, *model_id;
    char *primary_key, *secondary_key; /* individual enrolment; NULL: the default group's */
    char *group_id;                    /* that it came in by; NULL: made by hand */
    char *hub_host;                    /* assigned; NULL: never provisioned */
    char *provisioning_payload;        /* JSON of the last registration */
    char *organizations;               /* JSON array or NULL */
    bool enabled, provisioned, simulated, approved;
    int64_t etag;
    int64_t created_ms, last_seen_ms;
};
void store_device_free(struct store_device *row);
spoke_status store_device_get(struct store *s, const char *id, struct store_device *out);
spoke_status store_device_find_nocase(struct store *s, const char *id, struct store_device *out);
/* row->etag is not looked at: the store raises its own when anything but last_seen_ms or created_ms changes. */
spoke_status store_device_put(struct store *s, const struct store_device *row);
/* And its twin, events (see store_message_clear), c2d, session. */
spoke_status store_device_delete(struct store *s, const char *id);
spoke_status store_device_each(struct store *s, const char *after, size_t limit,
                               bool (*each)(void *ctx, const struct store_device *row), void *ctx);

/* The ids of those that are simulated, in order; false stops. */
spoke_status store_device_simulated(struct store *s, bool (*each)(void *ctx, const char *id), void *ctx);
/* How many there are, and how many of them are simulated. */
spoke_status store_device_count(struct store *s, size_t *all, size_t *simulated);

/* Where a list goes on: behind (name, id) in that order; id NULL: from the start. Names compare by bytes. */
enum store_order { STORE_BY_ID, STORE_BY_ID_DOWN, STORE_BY_NAME, STORE_BY_NAME_DOWN };
struct store_place {
    enum store_order order;
    const char *name, *id;
};
spoke_status store_device_list(struct store *s, const struct store_place *place,
                               bool (*each)(void *ctx, const struct store_device *row), void *ctx);

/* --- device templates --- */
struct store_template {
    char *name;     /* its displayName, or its id; the store makes it */
    char *id;       /* the template's own DTMI */
    char *model_id; /* of its capabilityModel: what devices announce; no two templates have the same */
    char *json;     /* the template without its etag */
    int64_t etag;
};
void store_template_free(struct store_template *row);
spoke_status store_template_get(struct store *s, const char *id, struct store_template *out);
/* The id of the template that has this model, on the heap. */
spoke_status store_template_of_model(struct store *s, const char *model_id, char **id);
/* row->etag is the first one of a new row; later the store raises it when something changes. E_ARG: another
 * template has this model. */
spoke_status store_template_put(struct store *s, const struct store_template *row);
spoke_status store_template_delete(struct store *s, const char *id);
spoke_status store_template_each(struct store *s, const char *after, size_t limit,
                                 bool (*each)(void *ctx, const struct store_template *row), void *ctx);
spoke_status store_template_list(struct store *s, const struct store_place *place,
                                 bool (*each)(void *ctx, const struct store_template *row), void *ctx);
spoke_status store_template_count(struct store *s, size_t *out);
spoke_status store_template_users(struct store *s, const char *id, size_t *out); /* devices that have it */
/* The devices that announced its model and have no template. */
spoke_status store_template_waiting(struct store *s, const char *model_id,
                                    bool (*each)(void *ctx, const char *device_id), void *ctx);
/* The ids that begin with `stem` (a DTMI without its version, "dtmi:a:b;"); false stops. */
spoke_status store_template_versions(struct store *s, const char *stem, bool (*each)(void *ctx, const char *id),
                                     void *ctx);
/* Gives it to the devices that announced its model and have no template. *out: how many. */
spoke_status store_template_adopt(struct store *s, const char *id, const char *model_id, size_t *out);

/* --- documents: simple entities (tokens, users, device groups, jobs, dashboards...) as JSON, by kind and id --- */
struct store_document {
    char *kind;          /* "apiToken": the same word everywhere, chosen by whoever keeps the kind */
    char *id;            /* case matters */
    char *json;          /* an object without id and etag */
    char *organizations; /* JSON array of ids, or NULL: everybody's who sees all */
    int64_t etag;
};
void store_document_free(struct store_document *row); /* wipes the JSON: there may be secrets in it */
spoke_status store_document_get(struct store *s, const char *kind, const char *id, struct store_document *out);
/* row->etag is the first one of a new row (take the time, so that a row deleted and made again does not repeat one);
 * later the store raises it when json or organizations change. */
spoke_status store_document_put(struct store *s, const struct store_document *row);
spoke_status store_document_delete(struct store *s, const char *kind, const char *id); /* E_NOT_FOUND */
/* In order of id, after `after` (NULL: from the start), at most limit; false stops. */
spoke_status store_document_each(struct store *s, const char *kind, const char *after, size_t limit,
                                 bool (*each)(void *ctx, const struct store_document *row), void *ctx);
/* All of a kind, of which there may be none. */
spoke_status store_documents_delete(struct store *s, const char *kind);
/* Each of a kind again under another, where those ids are not taken. */
spoke_status store_documents_copy(struct store *s, const char *kind, const char *to);
spoke_status store_document_count(struct store *s, const char *kind, size_t *out);
/* How many devices and documents belong to an organization; its own document does not count. */
spoke_status store_organization_users(struct store *s, const char *id, size_t *out);

/* --- which device is behind which gateway; goes with either --- */
struct store_relationship {
    const char *source, *id, *target; /* the gateway, which names it, and the device behind it */
    int64_t etag;                     /* the first one of a new row; later the store raises it */
};
/* E_NOT_FOUND: there is no such device. E_ARG: the target is behind another gateway. */
spoke_status store_relationship_put(struct store *s, const struct store_relationship *row);
spoke_status store_relationship_delete(struct store *s, const char *source, const char *id); /* E_NOT_FOUND */
/* Those of a device, at either end, in order of id behind `after`; false stops. The row lives until `each` returns. */
spoke_status store_relationship_each(struct store *s, const char *device_id, const char *after,
                                     bool (*each)(void *ctx, const struct store_relationship *row), void *ctx);
spoke_status store_relationship_between(struct store *s, const char *source, const char *target,
                                        bool (*each)(void *ctx, const struct store_relationship *row), void *ctx);
/* The gateway that the device is behind, on the heap. E_NOT_FOUND: none. */
spoke_status store_gateway_get(struct store *s, const char *device_id, char **gateway_id);

/* --- jobs, which are documents --- */
/* Those that have this "status", the oldest by "createdMs" first; false stops. */
spoke_status store_job_each(struct store *s, const char *status,
                            bool (*each)(void *ctx, const struct store_document *row), void *ctx);
/* Scheduled ones, the lowest "nextMs" first; those that have none are left out. */
spoke_status store_job_scheduled(struct store *s, bool (*each)(void *ctx, const struct store_document *row),
                                 void *ctx);

/* --- and their devices --- */
enum store_job_state {
    STORE_JOB_PENDING,
    STORE_JOB_COMPLETED,
    STORE_JOB_FAILED,
    STORE_JOB_CANCELLED, /* of files of before: those that are pending when their job is cancelled are, too */
    STORE_JOB_STATES
};
struct store_job_device {
    const char *device_id;
    enum store_job_state state;
    const char *message; /* why it failed, or NULL */
};
spoke_status store_job_device_put(struct store *s, const char *job_id, const char *device_id,
                                  enum store_job_state state, const char *message);
/* states: bits 1 << state. In order of device, behind `after`; false stops. The row lives until `each` returns, which may
 * not write. */
spoke_status store_job_device_each(struct store *s, const char *job_id, unsigned states, const char *after,
                                   size_t limit, bool (*each)(void *ctx, const struct store_job_device *row),
                                   void *ctx);
spoke_status store_job_count(struct store *s, const char *job_id, size_t counts[STORE_JOB_STATES]);
/* How many of the first `count` devices, in order, failed. */
spoke_status store_job_failures(struct store *s, const char *job_id, size_t count, size_t *out);
/* The devices that failed in one job are pending in another. */
spoke_status store_job_repeat(struct store *s, const char *job_id, const char *from_id);
spoke_status store_job_delete(struct store *s, const char *job_id);

/* --- cloud properties: one JSON object for a device, kept here and never sent to it --- */
spoke_status store_cloud_get(struct store *s, const char *device_id, char **json); /* heap; E_NOT_FOUND: none */
spoke_status store_cloud_put(struct store *s, const char *device_id, const char *json);

/* --- what a device sent against its template --- */
struct store_misfits {
    int64_t unmodeled, wrong_type; /* values so far */
    int64_t last_ms;               /* UTC; 0: never */
    char *last_reason;             /* a sentence */
};
void store_misfits_free(struct store_misfits *row);
/* Adds to the counters, and keeps the reason and the time. */
spoke_status store_misfits_add(struct store *s, const char *device_id, const struct store_misfits *more);
spoke_status store_misfits_get(struct store *s, const char *device_id,
                               struct store_misfits *out); /* zeros: none */

/* --- twins --- */
struct store_twin {
    char *desired, *reported;           /* JSON objects without $version */
    char *desired_meta, *reported_meta; /* JSON, shape of src/central/core/twin.c */
    int64_t desired_version, reported_version;
};
void store_twin_free(struct store_twin *row);
spoke_status store_twin_get(struct store *s, const char *device_id, struct store_twin *out); /* E_NOT_FOUND */
spoke_status store_twin_put(struct store *s, const char *device_id, const struct store_twin *row);

/* --- the event stream: what happened to devices, in the order that it was written --- */

/* The numbers are in files: they do not change, and new ones stand at the end. */
enum store_event_kind {
    EVENT_CLEARED = 0,   /* in no file: of a row that is on its way out, which has a position and nothing else */
    EVENT_TELEMETRY = 1, /* body: the message, which is nowhere else */
    EVENT_PROPERTY_DESIRED,
    EVENT_PROPERTY_REPORTED,
    EVENT_PROPERTY_CLOUD,
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_DEVICE_REGISTERED,
    EVENT_DEVICE_PROVISIONED,
    EVENT_DEVICE_ENABLED,
    EVENT_DEVICE_DISABLED,
    EVENT_DEVICE_RENAMED,
    EVENT_DEVICE_TEMPLATE_CHANGED,
    EVENT_DEVICE_DELETED,
    EVENT_COMMAND_RUN,
    EVENT_COMMAND_ANSWERED,
    EVENT_TEMPLATE_CREATED,
    EVENT_TEMPLATE_UPDATED,
    EVENT_TEMPLATE_DELETED,
    EVENT_FILE_UPLOADED,
    EVENT_FILE_UPLOAD_FAILED,
    EVENT_AUDIT_CREATED,
    EVENT_AUDIT_UPDATED,
    EVENT_AUDIT_DELETED,
    EVENT_KINDS /* one more than the last */
};
#define STORE_EVENT_BIT(kind) (UINT64_C(1) << (kind))

struct store_event {
    int64_t position;   /* in the stream, set by the store: rises by one, and is never given twice */
    int64_t seq;        /* among those of the device, set by the store: rises by one; 0: no device */
    int64_t at_ms;      /* when it came or happened, UTC */
    int64_t created_ms; /* telemetry: as the device says, UTC; 0: it does not */
    enum store_event_kind kind;
    uint8_t qos;    /* telemetry */
    bool duplicate; /* telemetry: a message with this id was kept before */
    char *device_id, *component, *message_id;
    char *template_id; /* that the device had, or that the event is about; not with telemetry */
    char *system;      /* telemetry: JSON object as control-api's `system` */
    char *properties;  /* telemetry: JSON object, application properties */
    void *body;        /* telemetry: as it came; else a JSON object, or empty. NUL-terminated */
    size_t body_len;
};
/* position and seq of the row are not looked at. E_NOT_FOUND: there is no such device, unless the kind is
 * EVENT_DEVICE_DELETED. */
spoke_status store_event_add(struct store *s, const struct store_event *row);

/* Which events. All zeros: all of them, oldest first. */
struct store_event_range {
    const char *device_id;  /* NULL: of all */
    uint64_t kinds;         /* STORE_EVENT_BITs; 0: every kind */
    int64_t after, before;  /* positions, not themselves among them; before 0: to the end */
    int64_t from_ms, to_ms; /* at_ms from the first on, up to the second and not with it; to_ms 0: to the end */
    bool newest_first;
};
/* Without telemetry among the kinds, it costs nothing that there is much of it. Of a time range the beginning and the
 * end are searched by halving, so that events that a clock put back has misplaced may be left out. Of all devices, there
 * may be EVENT_CLEARED among them, whatever the kinds: they count, so that a walk is as long as its limit at most. The row
 * lives until `each` returns; false stops. */
spoke_status store_event_each(struct store *s, const struct store_event_range *range, size_t limit,
                              bool (*each)(void *ctx, const struct store_event *row), void *ctx);
/* The last position that is committed; what reads the stream goes no further: behind it stands what may yet be taken
 * back. 0: there was no event so far. */
int64_t store_event_last(const struct store *s);
/* The oldest position that is still there; 0: the stream is empty. */
spoke_status store_event_first(struct store *s, int64_t *position);

/* --- who reads the stream at a pace of their own --- */
struct store_consumer {
    char *name;
    int64_t position; /* up to here it has read */
    int64_t lost;     /* events that went by age or number before it had read them, so far */
};
void store_consumer_free(struct store_consumer *row);
spoke_status store_consumer_get(struct store *s, const char *name, struct store_consumer *out); /* E_NOT_FOUND */
/* Registers it, or moves it on. Together with what the consumer itself writes in the same transaction, each event
 * counts once. */
spoke_status store_consumer_put(struct store *s, const char *name, int64_t position);
spoke_status store_consumer_delete(struct store *s, const char *name);
spoke_status store_consumer_each(struct store *s, bool (*each)(void *ctx, const struct store_consumer *row),
                                 void *ctx);
/* True once after events went that a consumer had not read: see its `lost`. */
bool store_consumers_lost(struct store *s);

/* --- device to cloud: the telemetry of the stream --- */
struct store_message {
    int64_t seq;        /* of the event */
    int64_t at_ms;      /* received, UTC */
    int64_t created_ms; /* as the device says, UTC; 0: it does not */
    uint8_t qos;
    bool duplicate; /* a message with this id was kept before */
    char *device_id, *component;
    char *message_id; /* NULL: none */
    char *system;     /* JSON object as control-api's `system` */
    char *properties; /* JSON object, application properties */
    void *body;
    size_t body_len;
};
spoke_status store_message_add(struct store *s, const struct store_message *row);
spoke_status store_message_each(struct store *s, const char *device_id, int64_t after_seq, size_t limit,
                                bool (*each)(void *ctx, const struct store_message *row), void *ctx);
/* The seq after which a device's last `count` events come. */
spoke_status store_message_tail(struct store *s, const char *device_id, int64_t count, int64_t *after_seq);
/* Forgets the events of a device. Nobody sees them any more; when they are many, they leave the file by
 * store_clear_some. */
spoke_status store_message_clear(struct store *s, const char *device_id);
bool store_clearing(const struct store *s);     /* some have not left yet */
spoke_status store_clear_some(struct store *s); /* some tens of them leave: a fraction of a millisecond */
/* Does the store have a message of the device with this id? */
spoke_status store_message_known(struct store *s, const char *device_id, const char *message_id, bool *known);
/* The newest value of one telemetry name of a device that is there; component "" for the default one. at_ms: when it
 * was so; one that is older than what is kept came late, and changes nothing. Between store_begin and store_commit it
 * stays in memory until the commit, or until something reads: of many values of one name only the newest is written.
 * A device that invents names may not grow the file for ever: beyond STORE_VALUES_KEPT its oldest ones go. */
spoke_status store_value_note(struct store *s, const char *device_id, const char *component, const char *name,
                              spoke_str json, int64_t at_ms);
/* Writes one at once, and forgets none. */
spoke_status store_value_put(struct store *s, const char *device_id, const char *component, const char *name,
                             const char *json, int64_t at_ms);
/* Keeps the STORE_VALUES_KEPT newest of a device. After a round of puts, since it looks at all of them. */
spoke_status store_value_trim(struct store *s, const char *device_id);
spoke_status store_value_get(struct store *s, const char *device_id, const char *component, const char *name,
                             char **json, int64_t *at_ms);

/* --- walks over many rows, for queries --- */

/* Another connection to the same file, which reads what was committed: for one other thread. Close it with store_close.
 * E_UNSUPPORTED: the store is in memory. */
spoke_status store_open_reader(const struct store *s, struct store **out);

/* A message, or a device; what is not of its kind is NULL or empty. Valid until `each` returns. */
struct store_scanned {
    const char *device_id, *display_name, *template_id, *organizations;
    bool enabled, provisioned, simulated; /* enabled: and approved */
    const char *component;                /* of a message */
    int64_t at_ms;                        /* when it was measured, for all we know */
    int64_t position;                     /* in the stream */
    bool disordered;                      /* newer ones may yet come */
    spoke_str body;
    spoke_str reported, cloud; /* of a device: JSON objects */
};

struct store_scan {
    const char *template_id; /* NULL: of devices, those that have any; of messages, with a device alone */
    const char *device_id;   /* this one, or its messages; NULL: of all that have the template */
    const char *after;       /* devices behind this one; NULL: from the start */
    int64_t from_ms;         /* messages that came then or later */
    bool (*each)(void *ctx, const struct store_scanned *row); /* false: enough. May not write */
    int (*stop)(void *ctx); /* asked every millisecond or so; not 0: ends the walk, with an error. NULL: never */
    void *ctx;
};
/* The newest first, as they came; where a template has few messages among many, the newest first of each device. */
spoke_status store_scan_messages(struct store *s, const struct store_scan *scan);
/* In order of id. */
spoke_status store_scan_devices(struct store *s, const struct store_scan *scan);

/* --- cloud to device --- */
struct store_c2d {
    int64_t seq;
    int64_t expires_ms, enqueued_ms; /* UTC */
    char *bag;                       /* the property bag as it goes into the topic */
    void *body;
    size_t body_len;
};
spoke_status store_c2d_add(struct store *s, const char *device_id, const struct store_c2d *row, int64_t *seq);
spoke_status store_c2d_each(struct store *s, const char *device_id,
                            bool (*each)(void *ctx, const struct store_c2d *row), void *ctx);
spoke_status store_c2d_delete(struct store *s, int64_t seq);
spoke_status store_c2d_count(struct store *s, const char *device_id, size_t *out);

/* --- file uploads, of which the service only knows that they were --- */
#define STORE_UPLOADS_KEPT 1000 /* of a device; the oldest go */
struct store_upload {
    int64_t seq; /* set by the store */
    char *id;    /* correlation id */
    char *device_id, *blob_name, *blob_uri;
    int64_t started_ms, expires_ms, ended_ms; /* UTC; ended 0: the device has not told yet */
    bool success;
    int32_t status; /* as the device tells */
    char *description;
};
void store_upload_free(struct store_upload *row);
spoke_status store_upload_add(struct store *s, const struct store_upload *row);
spoke_status store_upload_end(struct store *s, const struct store_upload *row); /* ended_ms and the last three */
spoke_status store_upload_get(struct store *s, const char *device_id, const char *id, struct store_upload *out);
/* Neither ended nor expired. */
spoke_status store_upload_open_count(struct store *s, const char *device_id, int64_t now_ms, size_t *out);
/* Newest first, of a device or of all (NULL), from below `before` on (0: from the newest), at most limit. */
spoke_status store_upload_each(struct store *s, const char *device_id, int64_t before, size_t limit,
                               bool (*each)(void *ctx, const struct store_upload *row), void *ctx);

/* --- MQTT sessions kept for CleanSession=0: the subscriptions as a JSON array; NULL removes --- */
spoke_status store_session_get(struct store *s, const char *client_id, char **subscriptions);
spoke_status store_session_put(struct store *s, const char *client_id, const char *subscriptions);

/* --- command history: one JSON object a row, newest last --- */
spoke_status store_command_add(struct store *s, const char *device_id, const char *component, const char *name,
                               const char *json);
spoke_status store_command_each(struct store *s, const char *device_id, const char *component, const char *name,
                                bool (*each)(void *ctx, const char *json), void *ctx);

#endif
