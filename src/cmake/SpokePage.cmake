# The service's web page: TypeScript in src/central/page, bundled by npm's packages into page_files.inc. Packages are
# fetched once, when CMake runs and package-lock.json has changed; building needs no network. Sets SPOKE_PAGE_INC to the
# file, or to nothing where the page is left out.

set(SPOKE_PAGE_INC "")

# Fetches into `folder` what the lock file names. ok: whether it is there.
function(spoke_page_packages source folder ok)
    file(SHA256 ${source}/package-lock.json lock)
    set(${ok} TRUE PARENT_SCOPE)
    set(fetched "")
    if(EXISTS ${folder}/fetched)
        file(READ ${folder}/fetched fetched)
    endif()
    if(fetched STREQUAL lock)
        return()
    endif()
    file(COPY ${source}/package.json ${source}/package-lock.json DESTINATION ${folder})
    message(STATUS "Fetching the packages of the web page")
    execute_process(COMMAND ${SPOKE_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
                    WORKING_DIRECTORY ${folder} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE why TIMEOUT 300)
    if(failed)
        message(STATUS "npm: ${why}")
        set(${ok} FALSE PARENT_SCOPE)
    else()
        file(WRITE ${folder}/fetched ${lock})
    endif()
endfunction()

function(spoke_page out)
    set(source ${PROJECT_SOURCE_DIR}/src/central/page)
    set(folder ${PROJECT_BINARY_DIR}/page)
    set(sample ${PROJECT_SOURCE_DIR}/samples/runner.c)
    find_program(SPOKE_NPM npm)
    find_program(SPOKE_NODE node)
    if(NOT SPOKE_NPM OR NOT SPOKE_NODE)
        message(STATUS "spoke-central's web page is left out: it needs nodejs and npm")
        return()
    endif()
    spoke_page_packages(${source} ${folder} fetched)
    if(NOT fetched)
        message(STATUS "spoke-central's web page is left out: npm could not fetch its packages")
        return()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/package-lock.json)
    file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${source}/src/*.ts ${source}/src/*.tsx ${source}/src/*.css)
    # node finds packages beside the file that asks: the sources are linked next to node_modules.
    foreach(name src build.mjs index.html icon.svg tsconfig.json)
        file(CREATE_LINK ${source}/${name} ${folder}/${name} SYMBOLIC)
    endforeach()
    add_custom_command(OUTPUT ${folder}/page_files.inc
                       COMMAND ${SPOKE_NODE} --preserve-symlinks --preserve-symlinks-main build.mjs ${sample}
                               page_files.inc
                       WORKING_DIRECTORY ${folder} COMMENT "Bundling the web page"
                       DEPENDS ${inputs} ${sample} ${source}/build.mjs ${source}/index.html ${source}/icon.svg ${folder}/fetched)
    set(${out} ${folder}/page_files.inc PARENT_SCOPE)
endfunction()
