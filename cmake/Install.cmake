# What `cmake --install` puts where:
#   lib/libaiter.so.*, lib/libaiter.a, lib/libaiter-sim.so, include/aiter/, bin/ (tools),
#   lib/cmake/aiter/ (aiter::aiter, aiter::aiter_static), lib/pkgconfig/aiter.pc, share/man/man1/,
#   share/bash-completion/completions/, share/zsh/site-functions/
# and tools/compiler/ puts its own program into libexec/aiter/.
# The tree can be moved: whatever finds something else in it does so relative to itself.
include(CMakePackageConfigHelpers)

set(aiter_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/aiter)
set(aiter_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Two export sets, so that users of the shared library need not have the static one's dependencies.
install(TARGETS aiter EXPORT aiterTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS aiter_static EXPORT aiterStaticTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS aiter-sim LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS aiter-precompile aiter-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set_property(TARGET aiter-precompile aiter-bench PROPERTY INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/aiter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN *.h)
file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/tools/completion/aiter-precompile.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME aiter-precompile)
install(FILES ${PROJECT_SOURCE_DIR}/tools/completion/_aiter-precompile
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

install(EXPORT aiterTargets NAMESPACE aiter:: DESTINATION ${aiter_cmake_dir})
install(EXPORT aiterStaticTargets NAMESPACE aiter:: DESTINATION ${aiter_cmake_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/aiterConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/aiterConfig.cmake
                              INSTALL_DESTINATION ${aiter_cmake_dir})
# Before 1.0 a minor release may change the API.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/aiterConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/aiterConfig.cmake ${CMAKE_BINARY_DIR}/aiterConfigVersion.cmake
        DESTINATION ${aiter_cmake_dir})

# From the .pc file's folder to the prefix; CMAKE_INSTALL_LIBDIR can have several components.
file(RELATIVE_PATH aiter_pc_to_prefix /prefix/${aiter_pkgconfig_dir} /prefix)
configure_file(${PROJECT_SOURCE_DIR}/cmake/aiter.pc.in ${CMAKE_BINARY_DIR}/aiter.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/aiter.pc DESTINATION ${aiter_pkgconfig_dir})
