/* The tiles of dashboards and of views, held to IoT Central's form.
 *
 *     if (!rest_tiles_good(call, tiles, REST_TILES_OF_VIEW))
 *         return false;
 */
#ifndef SPOKE_SRC_CENTRAL_REST_TILES_H
#define SPOKE_SRC_CENTRAL_REST_TILES_H

#include "rest_entity.h"

#define REST_TILE_NAME 200u /* bytes of the displayName of a tile, and of what it is in */

/* A tile of a dashboard names group and devices; one of a view or a form shows the device that is looked at. */
enum rest_tiles_of { REST_TILES_OF_DASHBOARD, REST_TILES_OF_VIEW, REST_TILES_OF_FORM };

/* Tiles (an array, or NULL: none) whose members, types and bounds are right. Whether what they name is there is not
 * looked at. False, with a reply. */
bool rest_tiles_good(struct rest_call *call, const cJSON *tiles, enum rest_tiles_of of);

#endif
