# Language level, warnings and sanitizers: one function for every target of ours.

function(spoke_target target)
    set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
                          C_VISIBILITY_PRESET hidden)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    if(SPOKE_PORT STREQUAL "none") # the C standard has to be enough there
        target_compile_definitions(${target} PRIVATE SPOKE_WITH_POSIX=0)
    else()
        target_compile_definitions(${target} PRIVATE _GNU_SOURCE _FILE_OFFSET_BITS=64)
        set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    endif()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum
                           -Wstrict-prototypes -Wmissing-prototypes -Wvla)
    if(SPOKE_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(SPOKE_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${SPOKE_SANITIZE} -fno-omit-frame-pointer
                               -fno-sanitize-recover=all)
        target_link_options(${target} PUBLIC -fsanitize=${SPOKE_SANITIZE})
    endif()
    if(SPOKE_FUZZERS)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
endfunction()

# What an installed library needs beside that.
function(spoke_library target)
    set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    if(SPOKE_SANITIZE)
        target_link_options(${target} PUBLIC -fsanitize=${SPOKE_SANITIZE})
    endif()
endfunction()
