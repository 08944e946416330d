/* The table of routes: what the REST API has, who may use it, and what its OpenAPI document says of it.
 * A new route is one line in rest_routes.c, in the array of its area. */
#ifndef SPOKE_SRC_CENTRAL_REST_ROUTES_H
#define SPOKE_SRC_CENTRAL_REST_ROUTES_H

#include "rest.h"

/* REST_BODY_TEXT: the handler reads it, and only its size was looked at. */
enum rest_body { REST_BODY_NONE, REST_BODY_OBJECT, REST_BODY_OPTIONAL, REST_BODY_TEXT };

/* Query parameters beyond api-version. */
enum rest_query {
    REST_QUERY_PAGE = 1,   /* $top, maxpagesize, $skiptoken */
    REST_QUERY_FILTER = 2, /* $filter, filter, $orderby, orderby */
    REST_QUERY_EVENTS = 4, /* deviceId, group, kind, after */
    REST_QUERY_PAST = 8,   /* before, order */
    REST_QUERY_TIME = 16,  /* from, to */
    REST_QUERY_BUCKETS = 32
};

struct rest_route {
    const char *method, *pattern; /* {} takes one segment of the path */
    enum rest_right right;
    enum rest_body body;
    rest_handler handler;
    unsigned query;            /* of enum rest_query */
    int status;                /* of success */
    const char *takes, *gives; /* schemas of the bodies (rest_schemas.c); NULL: none. "[Device]": a page of them */
    const char *summary;       /* a line */
};

/* In order of the table; NULL beyond its end. */
const struct rest_route *rest_route_at(size_t index);
const char *rest_route_area(size_t index);

#endif
