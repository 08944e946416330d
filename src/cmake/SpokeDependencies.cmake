# What is looked for, and what becomes of the build without it.

# mbedTLS 2.28 ships neither CMake nor pkg-config files in Debian; 3.x ships both. One way for all: header and libraries.
# A project above, such as a firmware's, may have a MbedTLS::mbedtls of its own.
if(NOT TARGET MbedTLS::mbedtls)
    find_path(MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
    find_library(MBEDTLS_LIBRARY mbedtls)
    find_library(MBEDX509_LIBRARY mbedx509)
    find_library(MBEDCRYPTO_LIBRARY mbedcrypto)
    if(NOT MBEDTLS_INCLUDE_DIR OR NOT MBEDTLS_LIBRARY OR NOT MBEDX509_LIBRARY OR NOT MBEDCRYPTO_LIBRARY)
        message(FATAL_ERROR "mbedTLS was not found: install libmbedtls-dev, or point CMAKE_PREFIX_PATH to it")
    endif()
    add_library(MbedTLS::mbedtls INTERFACE IMPORTED)
    target_include_directories(MbedTLS::mbedtls INTERFACE ${MBEDTLS_INCLUDE_DIR})
    target_link_libraries(MbedTLS::mbedtls INTERFACE ${MBEDTLS_LIBRARY} ${MBEDX509_LIBRARY} ${MBEDCRYPTO_LIBRARY})
endif()

if(SPOKE_PORT STREQUAL "none")
    add_library(spoke_private_dependencies INTERFACE)
    target_link_libraries(spoke_private_dependencies INTERFACE MbedTLS::mbedtls m)
    return()
endif()

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Host names without blocking; without it the POSIX port falls back to getaddrinfo, which may block.
pkg_check_modules(CARES IMPORTED_TARGET libcares)
# The second transport (and, for samples/own_mqtt, paho's synchronous client). By header and library: paho's own CMake
# package wants OpenSSL's headers, which nobody here needs.
find_path(PAHO_INCLUDE_DIR MQTTAsync.h)
foreach(kind mqtt3as mqtt3cs)
    find_library(PAHO_${kind}_LIBRARY paho-${kind})
    if(PAHO_INCLUDE_DIR AND PAHO_${kind}_LIBRARY AND NOT TARGET Paho::${kind})
        add_library(Paho::${kind} INTERFACE IMPORTED)
        target_include_directories(Paho::${kind} INTERFACE ${PAHO_INCLUDE_DIR})
        target_link_libraries(Paho::${kind} INTERFACE ${PAHO_${kind}_LIBRARY})
    endif()
endforeach()

# Compression of telemetry: the encoder of devices, and what the service reads.
find_package(ZLIB QUIET)

# The service.
pkg_check_modules(CJSON IMPORTED_TARGET libcjson)
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd)
find_package(SQLite3 QUIET)
set(SPOKE_CENTRAL_FOUND OFF)
if(CJSON_FOUND AND MICROHTTPD_FOUND AND SQLite3_FOUND)
    set(SPOKE_CENTRAL_FOUND ON)
elseif(SPOKE_CENTRAL)
    message(STATUS "spoke-central is left out: it needs libcjson-dev, libmicrohttpd-dev and libsqlite3-dev")
endif()

# Link lists without usage requirements of our own targets.
add_library(spoke_private_dependencies INTERFACE)
target_link_libraries(spoke_private_dependencies INTERFACE MbedTLS::mbedtls Threads::Threads m)
if(CARES_FOUND)
    target_link_libraries(spoke_private_dependencies INTERFACE PkgConfig::CARES)
endif()
add_library(spoke_central_dependencies INTERFACE)
if(SPOKE_CENTRAL_FOUND)
    target_link_libraries(spoke_central_dependencies INTERFACE SQLite::SQLite3 PkgConfig::MICROHTTPD PkgConfig::CJSON)
    if(ZLIB_FOUND)
        target_link_libraries(spoke_central_dependencies INTERFACE ZLIB::ZLIB)
    else()
        message(STATUS "spoke-central keeps compressed messages as they came: it needs zlib1g-dev to read them")
    endif()
endif()
