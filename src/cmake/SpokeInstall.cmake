# Installed files: headers, libraries, the CMake package and pkg-config files.

include(CMakePackageConfigHelpers)

set(spoke_targets spoke)
if(TARGET spoke-paho)
    list(APPEND spoke_targets spoke-paho)
    set_target_properties(spoke-paho PROPERTIES EXPORT_NAME paho)
endif()
if(TARGET spoke-gzip)
    list(APPEND spoke_targets spoke-gzip)
    set_target_properties(spoke-gzip PROPERTIES EXPORT_NAME gzip)
endif()
if(TARGET spoke-central-lib)
    list(APPEND spoke_targets spoke-central-lib)
endif()

if(TARGET spoke-model)
    list(APPEND spoke_targets spoke-model)
endif()

install(TARGETS ${spoke_targets} EXPORT spoke-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/spoke DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
# Laid out as spoke-model --models and the public repository have it: dtmi:spoke:Diagnostics;1.
install(FILES ${PROJECT_SOURCE_DIR}/src/client/diagnostics.json DESTINATION ${CMAKE_INSTALL_DATADIR}/spoke/dtdl/dtmi/spoke
        RENAME diagnostics-1.json)
install(EXPORT spoke-targets NAMESPACE spoke:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spoke)

# A static library leaves its private dependencies to the program that links it.
set(SPOKE_STATIC ON)
if(BUILD_SHARED_LIBS)
    set(SPOKE_STATIC OFF)
endif()
set(SPOKE_HAS_PAHO OFF)
if(TARGET spoke-paho)
    set(SPOKE_HAS_PAHO ON)
endif()
set(SPOKE_HAS_GZIP OFF)
if(TARGET spoke-gzip)
    set(SPOKE_HAS_GZIP ON)
endif()
set(SPOKE_HAS_CENTRAL OFF)
if(TARGET spoke-central-lib)
    set(SPOKE_HAS_CENTRAL ON)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/spoke-config.cmake.in
                              ${PROJECT_BINARY_DIR}/spoke-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spoke)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/spoke-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/spoke-config.cmake ${PROJECT_BINARY_DIR}/spoke-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/SpokeModel.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spoke)

set(spoke_private_libs "-lmbedtls -lmbedx509 -lmbedcrypto -lpthread -lm")
if(CARES_FOUND)
    string(APPEND spoke_private_libs " -lcares")
endif()
function(spoke_pkg_config name description requires libs private)
    set(PC_NAME ${name})
    set(PC_DESCRIPTION ${description})
    set(PC_REQUIRES ${requires})
    set(PC_LIBS ${libs})
    set(PC_PRIVATE ${private})
    if(SPOKE_STATIC) # then a plain `pkg-config --libs` has to name everything
        string(APPEND PC_LIBS " ${private}")
        set(PC_PRIVATE "")
    endif()
    configure_file(${PROJECT_SOURCE_DIR}/src/cmake/spoke.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
spoke_pkg_config(spoke "${PROJECT_DESCRIPTION}" "" "-lspoke" "${spoke_private_libs}")
if(SPOKE_HAS_PAHO)
    spoke_pkg_config(spoke-paho "The paho.mqtt.c transport of spoke" "spoke" "-lspoke-paho" "-lpaho-mqtt3as")
endif()
set(spoke_central_libs "-lsqlite3 -lmicrohttpd -lcjson")
if(SPOKE_HAS_GZIP)
    spoke_pkg_config(spoke-gzip "Compression of telemetry for spoke" "" "-lspoke-gzip" "-lz")
    string(APPEND spoke_central_libs " -lz")
endif()
if(SPOKE_HAS_CENTRAL)
    spoke_pkg_config(spoke-central "spoke-central in your own process" "spoke" "-lspoke-central"
                     "${spoke_central_libs}")
endif()
