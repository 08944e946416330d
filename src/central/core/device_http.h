/* What the hub offers devices over HTTPS: file upload. The device asks where to put a blob, puts it there by itself, and
 * tells how that went; the service never sees the file. */
#ifndef SPOKE_SRC_CENTRAL_DEVICE_HTTP_H
#define SPOKE_SRC_CENTRAL_DEVICE_HTTP_H

#include "core.h"

/* The configuration is a document: {"account", "connectionString", "container", "sasTtl", ..}. */
#define UPLOADS_KIND "fileUploads"
#define UPLOADS_ID "default"
#define UPLOADS_TTL_MS INT64_C(3600000) /* unless the configuration says otherwise */
#define UPLOADS_AT_ONCE 10u             /* of one device */

/* Takes requests under /devices/, and returns true. The device proves itself by the token of its Authorization header,
 * or by the certificates that it showed; done is called now, or when that failed too often (refused.h) later: then
 * *ticket is set. */
bool device_http(struct core *c, const struct core_request *request, core_done_fn done, void *user,
                 uint64_t *ticket);
/* "pending", "expired", "succeeded" or "failed". */
const char *upload_state(const struct store_upload *row, int64_t now_ms);

#endif
