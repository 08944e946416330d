/* What of the library is built. Each switch is 1 unless the compiler is told otherwise (-DSPOKE_WITH_MOVE=0, or a
 * header of yours named by -DSPOKE_FEATURES_FILE='"my_features.h"'), the same for every file of the library. That header
 * may lower some ceilings of limits.h as well.
 *
 * A switch removes bodies, never prototypes or members of structs: a program built against another set links. A call
 * that was left out answers SPOKE_E_UNSUPPORTED, and a configuration that needs what is not there is refused at init
 * with a sentence. docs/footprint.md shows what each one saves. */
#ifndef SPOKE_FEATURES_H
#define SPOKE_FEATURES_H

#ifdef SPOKE_FEATURES_FILE
#include SPOKE_FEATURES_FILE
#endif

/* --- the machine --- */
/* The built-in port, src/port/posix*.c: 0 where there is no Unix below. Without it config.platform has to be given, and
 * to be complete. */
#ifndef SPOKE_WITH_POSIX
#if defined(__unix__) || defined(__APPLE__)
#define SPOKE_WITH_POSIX 1
#else
#define SPOKE_WITH_POSIX 0
#endif
#endif
/* Without it only links whose encryption is somebody else's, such as a modem's: `test_only` has to say so. */
#ifndef SPOKE_WITH_TLS
#define SPOKE_WITH_TLS 1
#endif

#ifndef SPOKE_WITH_LOCKS /* platform.lock and unlock; without them one thread makes all calls */
#define SPOKE_WITH_LOCKS 1
#endif

/* --- the conversation --- */
#ifndef SPOKE_WITH_LISTENING /* subscriptions and what they bring; without it the device speaks and hears only PUBACKs */
#define SPOKE_WITH_LISTENING 1
#endif
#ifndef SPOKE_WITH_WILL /* a last will, of programs that use the MQTT session by themselves: the client never leaves one */
#define SPOKE_WITH_WILL 1
#endif
#ifndef SPOKE_WITH_DPS /* provisioning; without it hub_host has to be given; this and the next three need LISTENING */
#define SPOKE_WITH_DPS SPOKE_WITH_LISTENING
#endif
#ifndef SPOKE_WITH_PROPERTIES /* the twin: reported and writable properties */
#define SPOKE_WITH_PROPERTIES SPOKE_WITH_LISTENING
#endif
#ifndef SPOKE_WITH_COMMANDS
#define SPOKE_WITH_COMMANDS SPOKE_WITH_LISTENING
#endif
#ifndef SPOKE_WITH_DEFER
/* spoke_defer: answers that come later. Without it a handler answers by its verdict: a command that it defers is answered
 * with 500, a property stays at 202 */
#define SPOKE_WITH_DEFER 1
#endif
#ifndef SPOKE_WITH_MESSAGES /* cloud-to-device messages, offline commands among them; needs DEFER */
#define SPOKE_WITH_MESSAGES (SPOKE_WITH_LISTENING && SPOKE_WITH_DEFER)
#endif
#ifndef SPOKE_WITH_MODULES /* identities of modules; without them module_id has to be empty */
#define SPOKE_WITH_MODULES 1
#endif
#ifndef SPOKE_WITH_DPS_PAYLOAD /* what the program tells DPS beside the template's id: provisioning_payload; needs DPS */
#define SPOKE_WITH_DPS_PAYLOAD SPOKE_WITH_DPS
#endif
#ifndef SPOKE_WITH_CHECKS /* all is held to the template; without it the template's id is announced, no more */
#define SPOKE_WITH_CHECKS 1
#endif

#ifndef SPOKE_WITH_CONFIG_CHECKS
/* spoke_config is looked over: ranges, names, handlers given twice. Without it a configuration that was tested with it
 * is taken as it is; what could not work in memory is refused all the same */
#define SPOKE_WITH_CONFIG_CHECKS 1
#endif
#ifndef SPOKE_WITH_HOSTS /* lists of hosts; without it one of each */
#define SPOKE_WITH_HOSTS 1
#endif
#ifndef SPOKE_WITH_SEARCH /* for sorted handlers; without it they are looked at one by one */
#define SPOKE_WITH_SEARCH 1
#endif
#ifndef SPOKE_WITH_REASONS
/* Each trouble has its pause (docs/protocol.md, "Retry"), another program with this identity is recognised, what cannot
 * work is FAILED. Without it one ladder with full jitter for all, a refusal at its top; longer only if DPS asks for it */
#define SPOKE_WITH_REASONS 1
#endif
#ifndef SPOKE_WITH_NETWORK /* spoke_client_network, which does nothing without it */
#define SPOKE_WITH_NETWORK 1
#endif

#ifndef SPOKE_WITH_STAMPS /* message_ids, and the time at which a message was made that leaves late */
#define SPOKE_WITH_STAMPS 1
#endif
#ifndef SPOKE_WITH_RAW_CHECKS
/* JSON that the program hands over as it stands (spoke_json, a raw key) is looked at; without them it is sent on trust, and the hub
 * cuts the connection of a report that is none */
#define SPOKE_WITH_RAW_CHECKS 1
#endif
#ifndef SPOKE_WITH_EXACT_DOUBLES
/* doubles read back as the same double; without it they are written with 15 digits and read to a unit of the last place,
 * which numbers of up to 15 digits do not notice */
#define SPOKE_WITH_EXACT_DOUBLES 1
#endif

/* --- what is kept --- */
#ifndef SPOKE_WITH_DROPS /* ttl_s, and when_full; without them a full queue refuses, and what it holds stays */
#define SPOKE_WITH_DROPS 1
#endif
#ifndef SPOKE_WITH_PRIORITIES /* of telemetry; without them all leaves in the order of queueing, on metered networks too */
#define SPOKE_WITH_PRIORITIES 1
#endif
#ifndef SPOKE_WITH_RESUME
/* the MQTT session outlives its connection: what was on its way is repeated under its id, in its place. Without it each
 * connection begins clean, and the same messages leave again as new ones */
#define SPOKE_WITH_RESUME 1
#endif
#ifndef SPOKE_WITH_PACE /* replay_per_s; without it a backlog leaves as fast as the link takes it */
#define SPOKE_WITH_PACE 1
#endif
#ifndef SPOKE_WITH_MERGE /* reports that wait become one patch; without it each is sent; needs PROPERTIES */
#define SPOKE_WITH_MERGE SPOKE_WITH_PROPERTIES
#endif
#ifndef SPOKE_WITH_RECORDS /* platform.load and store; without them each start asks DPS for the hub */
#define SPOKE_WITH_RECORDS 1
#endif
#ifndef SPOKE_WITH_STORAGE /* the queue on flash; without it in RAM; needs PRIORITIES and RESUME */
#define SPOKE_WITH_STORAGE (SPOKE_WITH_PRIORITIES && SPOKE_WITH_RESUME)
#endif
#ifndef SPOKE_WITH_BATCHES /* several readings in one message, encoders */
#define SPOKE_WITH_BATCHES 1
#endif
#ifndef SPOKE_WITH_SETTINGS /* keep_settings; needs PROPERTIES and RECORDS */
#define SPOKE_WITH_SETTINGS (SPOKE_WITH_PROPERTIES && SPOKE_WITH_RECORDS)
#endif
#ifndef SPOKE_WITH_WORK /* long-running commands that survive a restart; needs PROPERTIES, COMMANDS and RECORDS */
#define SPOKE_WITH_WORK (SPOKE_WITH_PROPERTIES && SPOKE_WITH_COMMANDS && SPOKE_WITH_RECORDS)
#endif

/* --- what changes in ten years --- */
#ifndef SPOKE_WITH_MOVE
/* to another scope; needs DPS and RECORDS. Without it a home that the device once moved to is forgotten */
#define SPOKE_WITH_MOVE (SPOKE_WITH_DPS && SPOKE_WITH_RECORDS)
#endif
#ifndef SPOKE_WITH_RENEWAL /* of keys, certificates and trust while running; warnings before certificates end */
#define SPOKE_WITH_RENEWAL 1
#endif
#ifndef SPOKE_WITH_CLOCK_HELP /* finding out the time when the clock is unset or wrong; needs REASONS */
#define SPOKE_WITH_CLOCK_HELP SPOKE_WITH_REASONS
#endif

/* --- what is told --- */
#ifndef SPOKE_WITH_NOTICES /* on_notice, on_sent; without them messages have no ids to be named by */
#define SPOKE_WITH_NOTICES 1
#endif
#ifndef SPOKE_WITH_STATS /* spoke_client_stats; needs REASONS */
#define SPOKE_WITH_STATS SPOKE_WITH_REASONS
#endif
#ifndef SPOKE_WITH_DIAGNOSTICS
/* the component dtmi:spoke:Diagnostics;1, the ring of log lines; needs STATS, PROPERTIES and COMMANDS */
#define SPOKE_WITH_DIAGNOSTICS (SPOKE_WITH_STATS && SPOKE_WITH_PROPERTIES && SPOKE_WITH_COMMANDS)
#endif
#ifndef SPOKE_WITH_LOG /* log lines */
#define SPOKE_WITH_LOG 1
#endif
#ifndef SPOKE_WITH_SENTENCES /* errors in words; without it status, source and number remain, and one word */
#define SPOKE_WITH_SENTENCES 1
#endif

#if !SPOKE_WITH_LISTENING && \
    (SPOKE_WITH_DPS || SPOKE_WITH_PROPERTIES || SPOKE_WITH_COMMANDS || SPOKE_WITH_MESSAGES)
#error \
    "SPOKE_WITH_DPS, SPOKE_WITH_PROPERTIES, SPOKE_WITH_COMMANDS and SPOKE_WITH_MESSAGES need SPOKE_WITH_LISTENING"
#endif
#if SPOKE_WITH_MESSAGES && !SPOKE_WITH_DEFER
#error "SPOKE_WITH_MESSAGES needs SPOKE_WITH_DEFER"
#endif
#if SPOKE_WITH_STORAGE && !(SPOKE_WITH_PRIORITIES && SPOKE_WITH_RESUME)
#error "SPOKE_WITH_STORAGE needs SPOKE_WITH_PRIORITIES and SPOKE_WITH_RESUME"
#endif
#if SPOKE_WITH_CLOCK_HELP && !SPOKE_WITH_REASONS
#error "SPOKE_WITH_CLOCK_HELP needs SPOKE_WITH_REASONS"
#endif
#if SPOKE_WITH_STATS && !SPOKE_WITH_REASONS
#error "SPOKE_WITH_STATS needs SPOKE_WITH_REASONS"
#endif
#if SPOKE_WITH_DIAGNOSTICS && !(SPOKE_WITH_STATS && SPOKE_WITH_PROPERTIES && SPOKE_WITH_COMMANDS)
#error "SPOKE_WITH_DIAGNOSTICS needs SPOKE_WITH_STATS, SPOKE_WITH_PROPERTIES and SPOKE_WITH_COMMANDS"
#endif
#if SPOKE_WITH_SETTINGS && !(SPOKE_WITH_PROPERTIES && SPOKE_WITH_RECORDS)
#error "SPOKE_WITH_SETTINGS needs SPOKE_WITH_PROPERTIES and SPOKE_WITH_RECORDS"
#endif
#if SPOKE_WITH_WORK && !(SPOKE_WITH_PROPERTIES && SPOKE_WITH_COMMANDS && SPOKE_WITH_RECORDS)
#error "SPOKE_WITH_WORK needs SPOKE_WITH_PROPERTIES, SPOKE_WITH_COMMANDS and SPOKE_WITH_RECORDS"
#endif
#if SPOKE_WITH_MOVE && !(SPOKE_WITH_DPS && SPOKE_WITH_RECORDS)
#error "SPOKE_WITH_MOVE needs SPOKE_WITH_DPS and SPOKE_WITH_RECORDS"
#endif

#endif
