/* The web page's files, made by npm when the service is built and compiled in as data. A path is looked up in a table,
 * so nothing beside them can be reached. A service built without npm has one file, which says so. */
#ifndef SPOKE_SRC_CENTRAL_PAGE_H
#define SPOKE_SRC_CENTRAL_PAGE_H

#include <spoke/base.h>

struct page_file {
    const char *path;      /* "/", "/app-ABC.js" */
    const char *type;      /* Content-Type */
    const char *etag;      /* an HTTP entity tag with its quotes, of the bytes */
    bool immutable;        /* the name has a hash of the bytes: it may be cached for ever */
    spoke_str bytes, gzip; /* gzip: empty where it saves nothing */
};

/* NULL: there is no such file. `path` is decoded, without a query. */
const struct page_file *page_find(const char *path);
/* False: the page was left out of this build, and "/" says so. */
bool page_is_built(void);

#endif
