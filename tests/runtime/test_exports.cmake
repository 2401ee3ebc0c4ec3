# cmake -DNM=... -DLIBRARY=... -DHEADER=... -P test_exports.cmake
if(LIBRARY MATCHES "\\.so")
  set(table -D)
else()
  set(table -g)
endif()
execute_process(COMMAND ${NM} ${table} --defined-only --format=posix ${LIBRARY} OUTPUT_VARIABLE symbols
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "nm failed on ${LIBRARY}")
endif()
string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z0-9_.@]* [A-Za-z] " found "${symbols}")
list(TRANSFORM found REPLACE "^\n?([^ ]*) .*$" "\\1")
list(FILTER found EXCLUDE REGEX "^__(asan|odr_asan|tsan|start_asan|stop_asan)") # a sanitizer's

file(READ ${HEADER} header)
string(REGEX MATCHALL "AITER_API [^;]*[ *]aiter_[a-z_]+\\(" declared "${header}")
list(TRANSFORM declared REPLACE "^.*[ *](aiter_[a-z_]+)\\($" "\\1")

list(SORT found)
list(SORT declared)
list(LENGTH declared count)
if(count LESS 15 OR NOT "${found}" STREQUAL "${declared}")
  message(FATAL_ERROR "${LIBRARY} exports\n  ${found}\n${HEADER} declares\n  ${declared}")
endif()
message(STATUS "${count} functions")
