#include "tls_time.h"

#include <string.h>

#include <spoke/crypto.h>

/* Days since 1970-01-01 of a day of the Gregorian calendar. Counting years from March puts the leap day last. */
static int64_t days_of(int year, int month, int day)
{
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t from_march = (month + 9) % 12;
    const int64_t of_year = (153 * from_march + 2) / 5 + day - 1;
    const int64_t leaps = y / 4 - y / 100 + y / 400;
    return 365 * y + leaps + of_year - 719468; /* days from March 0000 to 1970 */
}

int64_t tls_time(const mbedtls_x509_time *time)
{
    return days_of(time->year, time->mon, time->day) * 86400 + time->hour * 3600 + time->min * 60 + time->sec;
}

int64_t tls_time_latest(const mbedtls_x509_crt *list)
{
    int64_t latest = 0;
    for (const mbedtls_x509_crt *at = list; at != NULL && at->version != 0; at = at->next) {
        const int64_t ends = tls_time(&at->valid_to);
        latest = ends > latest ? ends : latest;
    }
    return latest;
}

spoke_status spoke_certificate_ends(const char *pem, int64_t *first_s, int64_t *latest_s)
{
    if (pem == NULL || first_s == NULL || latest_s == NULL)
        return SPOKE_E_ARG;
    mbedtls_x509_crt list;
    mbedtls_x509_crt_init(&list);
    /* Positive: so many of a bundle could not be read; the rest counts. */
    const int code =
        compat_start() ? mbedtls_x509_crt_parse(&list, (const unsigned char *)pem, strlen(pem) + 1) : -1;
    const bool read = code >= 0 && list.version != 0;
    *first_s = read ? tls_time(&list.valid_to) : 0;
    *latest_s = read ? tls_time_latest(&list) : 0;
    mbedtls_x509_crt_free(&list);
    return read ? SPOKE_OK : SPOKE_E_CERTIFICATE;
}
