# See CMakeLists.txt. Everything happens in WORK.
file(REMOVE_RECURSE "${WORK}")
set(prefix "${WORK}/moved")
set(sim "${prefix}/${LIBDIR}/libaiter-sim.so")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  message("$ ${ARGN}\n${out}${err}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${result}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

# build_project(SOURCE BUILD OPTIONS...): against what is installed.
function(build_project source build)
  run(${CMAKE_COMMAND} -S ${source} -B ${build} -G ${GENERATOR} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}
      -DCMAKE_C_COMPILER=${CC} -DCMAKE_PREFIX_PATH=${prefix} ${ARGN})
  run(${CMAKE_COMMAND} --build ${build})
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME "${WORK}/first" "${prefix}")

foreach(file ${LIBDIR}/libaiter.so ${LIBDIR}/libaiter.so.${VERSION} ${LIBDIR}/libaiter.a
        ${LIBDIR}/libaiter-sim.so include/aiter/aiter.h bin/aiter-precompile bin/aiter-bench libexec/aiter/aiter-compiler
        ${LIBDIR}/cmake/aiter/aiterConfig.cmake ${LIBDIR}/pkgconfig/aiter.pc
        share/man/man1/aiter-precompile.1 share/man/man1/aiter-bench.1
        share/man/man1/aiter-compiler.1 share/bash-completion/completions/aiter-precompile
        share/zsh/site-functions/_aiter-precompile)
  if(NOT EXISTS "${prefix}/${file}")
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()

# Only the public header and nothing of the rooms.
file(GLOB_RECURSE headers RELATIVE ${prefix} "${prefix}/include/*")
if(NOT headers STREQUAL "include/aiter/aiter.h")
  message(FATAL_ERROR "installed headers: ${headers}; expected include/aiter/aiter.h alone")
endif()

# No file of the installed package may lead back to the source or build tree.
file(GLOB_RECURSE package "${prefix}/${LIBDIR}/cmake/*" "${prefix}/${LIBDIR}/pkgconfig/*")
foreach(file IN LISTS package)
  file(READ "${file}" text)
  string(FIND "${text}" "${BUILD}" at)
  if(NOT at EQUAL -1)
    message(FATAL_ERROR "${file} names the build tree")
  endif()
endforeach()

# With CMake, shared and static. The library finds the installed compiler without being told.
foreach(variable AITER_COMPILER AITER_SIM AITER_HIP_RUNTIME LD_LIBRARY_PATH)
  unset(ENV{${variable}})
endforeach()
set(ENV{AITER_SIM_DEVICES} gfx942)
build_project(${SOURCE}/project ${WORK}/cmake -DVERSION=${VERSION} -DCONSUMER=${SOURCE}/consumer.c)
run(${WORK}/cmake/consumer-shared ${sim} ${WORK}/cache ${VERSION})
if(NOT out MATCHES "fmha_fwd_gfx942_fp32_hd64x64_full_g1: [0-9]+ bytes, compiled\ndevice: gfx942\n")
  message(FATAL_ERROR "unexpected output")
endif()
# The static library's own folder is the program's: the compiler is named.
set(ENV{AITER_COMPILER} ${prefix}/libexec/aiter/aiter-compiler)
run(${WORK}/cmake/consumer-static ${sim} ${WORK}/cache ${VERSION})
if(NOT out MATCHES "bytes, from the cache\n")
  message(FATAL_ERROR "unexpected output")
endif()
unset(ENV{AITER_COMPILER})

# With pkg-config.
set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
find_program(pkg_config NAMES pkg-config pkgconf REQUIRED)
run(${pkg_config} --modversion aiter)
if(NOT out STREQUAL "${VERSION}\n")
  message(FATAL_ERROR "expected ${VERSION}")
endif()
run(${pkg_config} --cflags --libs aiter)
string(STRIP "${out}" flags)
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${CC} ${SOURCE}/consumer.c ${flags} -Wl,-rpath,${prefix}/${LIBDIR} -o ${WORK}/pkg-config-shared)
run(${WORK}/pkg-config-shared ${sim} ${WORK}/cache ${VERSION})

# The examples, which are a project of their own.
build_project(${EXAMPLES} ${WORK}/examples)
run(${WORK}/examples/example-flash-attn --sim gfx942 --cache-dir ${WORK}/example-cache)
string(REGEX MATCHALL "against float64[^\n]*: ok\n" right "${out}")
list(LENGTH right count)
if(NOT count EQUAL 2)
  message(FATAL_ERROR "expected two right results")
endif()

# The tools run from the installed tree.
run(${prefix}/bin/aiter-precompile --help)
run(bash -c "PATH=${prefix}/bin:$PATH
  . ${prefix}/share/bash-completion/completions/aiter-precompile
  COMP_WORDS=(aiter-precompile --dry) COMP_CWORD=1
  _aiter_precompile aiter-precompile --dry aiter-precompile 2>/dev/null
  echo \"\${COMPREPLY[*]}\"")
if(NOT out STREQUAL "--dry-run\n")
  message(FATAL_ERROR "completion offers ${out}")
endif()
run(${prefix}/bin/aiter-bench --help)
run(${prefix}/libexec/aiter/aiter-compiler --help)
