# SPDX-License-Identifier: BSD-2-Clause
# One way to make a library of the project: static and shared from the same
# objects, with soname, symbol map, pkg-config file and exported targets.

# The flags of everything that is compiled here.
add_library(splitio_flags INTERFACE)
target_compile_options(splitio_flags INTERFACE
  -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wmissing-prototypes
  -Wstrict-prototypes -Wundef -Wvla -Wformat=2 -fno-strict-aliasing
  $<$<BOOL:${SPLITIO_WERROR}>:-Werror>)
if(SPLITIO_SANITIZE)
  target_compile_options(splitio_flags INTERFACE
    -fsanitize=${SPLITIO_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(splitio_flags INTERFACE -fsanitize=${SPLITIO_SANITIZE})
  if(SPLITIO_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # The notification fences order indices that are atomic themselves.
    target_compile_options(splitio_flags INTERFACE -Wno-tsan)
  endif()
endif()

# splitio_library(NAME [FREESTANDING] [STATIC] DESCRIPTION text
#                 SOURCES file... [DEPENDS library...] [PRIVATE_LIBS name...]
#                 [REQUIRES pkg-config-module...] [VARIABLES name=value...])
#
# Makes NAME (static; what everything in the project links), NAME-shared unless
# STATIC, and the alias splitio::NAME. DEPENDS names other libraries made by this function.
function(splitio_library name)
  cmake_parse_arguments(L "FREESTANDING;STATIC" "DESCRIPTION"
                        "SOURCES;DEPENDS;PRIVATE_LIBS;REQUIRES;VARIABLES"
                        ${ARGN})
  add_library(${name}-objects OBJECT ${L_SOURCES})
  target_include_directories(${name}-objects PUBLIC
    ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${name}-objects PRIVATE splitio_flags)
  if(L_FREESTANDING)
    target_compile_options(${name}-objects PRIVATE -ffreestanding)
  else()
    target_compile_definitions(${name}-objects PRIVATE _GNU_SOURCE)
  endif()
  set(map ${PROJECT_SOURCE_DIR}/cmake/splitio.map)
  set(kinds STATIC)
  if(NOT L_STATIC)
    list(APPEND kinds SHARED)
  endif()
  set(targets "")
  foreach(kind ${kinds})
    set(target ${name})
    if(kind STREQUAL "SHARED")
      set(target ${name}-shared)
    endif()
    list(APPEND targets ${target})
    add_library(${target} ${kind} $<TARGET_OBJECTS:${name}-objects>)
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
    foreach(dep ${L_DEPENDS})
      if(kind STREQUAL "SHARED")
        target_link_libraries(${target} PUBLIC ${dep}-shared)
      else()
        target_link_libraries(${target} PUBLIC ${dep})
      endif()
    endforeach()
    target_link_libraries(${target} PRIVATE ${L_PRIVATE_LIBS})
    if(SPLITIO_SANITIZE)
      target_link_options(${target} PUBLIC -fsanitize=${SPLITIO_SANITIZE})
    endif()
  endforeach()
  if(NOT L_STATIC)
    set_target_properties(${name}-shared PROPERTIES
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
      LINK_DEPENDS ${map})
    target_link_options(${name}-shared PRIVATE -Wl,--version-script=${map})
    if(NOT SPLITIO_SANITIZE)
      target_link_options(${name}-shared PRIVATE -Wl,-z,defs)
    endif()
  endif()
  foreach(dep ${L_DEPENDS})
    target_include_directories(${name}-objects PRIVATE
      $<TARGET_PROPERTY:${dep},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  foreach(target ${targets})
    add_library(splitio::${target} ALIAS ${target})
  endforeach()

  set(pc_requires "")
  foreach(dep ${L_DEPENDS})
    string(APPEND pc_requires " ${dep}")
  endforeach()
  foreach(module ${L_REQUIRES})
    string(APPEND pc_requires " ${module}")
  endforeach()
  set(pc_libs "")
  foreach(lib ${L_PRIVATE_LIBS})
    if(lib STREQUAL "Threads::Threads")
      string(APPEND pc_libs " -pthread")
    endif()
  endforeach()
  set(pc_variables "")
  foreach(variable ${L_VARIABLES})
    string(APPEND pc_variables "${variable}\n")
  endforeach()
  # Relative, so that an installed tree can be moved.
  file(RELATIVE_PATH pc_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
  set(pc_name ${name})
  set(pc_description "${L_DESCRIPTION}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/splitio.pc.in
                 ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  install(TARGETS ${targets} EXPORT splitio-targets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# Installs headers and the CMake package; call it once, last.
function(splitio_install_package)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/splitio
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  set(dir ${CMAKE_INSTALL_LIBDIR}/cmake/splitio)
  install(EXPORT splitio-targets NAMESPACE splitio:: DESTINATION ${dir})
  configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/splitio-config.cmake.in
    ${PROJECT_BINARY_DIR}/splitio-config.cmake INSTALL_DESTINATION ${dir})
  write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/splitio-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/splitio-config.cmake
                ${PROJECT_BINARY_DIR}/splitio-config-version.cmake
          DESTINATION ${dir})
endfunction()
