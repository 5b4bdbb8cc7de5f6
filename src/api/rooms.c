/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rooms.h"

#include "ledger/ledger.h"
#include "member/member.h"
#include "programme/programme.h"
#include "receipt/receipt.h"
#include "shop/shop.h"
#include "store/claim.h"
#include "store/lease.h"
#include "visit/visit.h"

const struct store_room *const api_rooms[] = { &claim_room, &lease_room, &shop_room, &member_room,
	&ledger_room, &receipt_room, &programme_room, &visit_room };
const size_t api_room_count = sizeof(api_rooms) / sizeof(*api_rooms);
