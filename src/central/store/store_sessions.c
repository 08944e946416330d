#include "store_query.h"

spoke_status store_session_get(struct store *s, const char *client_id, char **subscriptions)
{
    static const char SQL[] = "SELECT subscriptions FROM session WHERE client_id = ?";
    return store_query_find_text(s, SQL, client_id, subscriptions);
}

spoke_status store_session_put(struct store *s, const char *client_id, const char *subscriptions)
{
    static const char PUT[] = "INSERT OR REPLACE INTO session (client_id, subscriptions) VALUES (?1, ?2)";
    static const char REMOVE[] = "DELETE FROM session WHERE client_id = ?1";
    struct store_query q;
    store_query_open(&q, s, subscriptions != NULL ? PUT : REMOVE);
    store_query_text(&q, client_id);
    if (subscriptions != NULL)
        store_query_text(&q, subscriptions);
    return store_query_run(&q);
}
