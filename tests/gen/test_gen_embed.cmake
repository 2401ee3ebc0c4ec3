# The digest of gen/embed.cmake: follows names and contents, ignores places and the order of its
# arguments.
#
#   cmake -DEMBED=gen/embed.cmake -DWORK=DIR -P test_gen_embed.cmake

file(REMOVE_RECURSE "${WORK}")

# digest_of(VARIABLE FILES...): runs embed.cmake and reads the digest out of the C file.
function(digest_of variable)
  string(REPLACE ";" "|" list "${ARGN}")
  execute_process(COMMAND ${CMAKE_COMMAND} -DOUT=${WORK}/out.c "-DEMBED=${list}"
                          "-DDIGEST=${list}" -P ${EMBED}
                  RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "embed.cmake failed: ${result}")
  endif()
  file(READ "${WORK}/out.c" text)
  string(REGEX MATCH "digest\\[\\] = \"([0-9a-f]+)\"" found "${text}")
  string(LENGTH "${CMAKE_MATCH_1}" length)
  if(NOT length EQUAL 64)
    message(FATAL_ERROR "no SHA-256 digest in out.c: '${CMAKE_MATCH_1}'")
  endif()
  set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()

function(expect_same what a b)
  if(NOT a STREQUAL b)
    message(FATAL_ERROR "${what}: digests differ, expected the same")
  endif()
endfunction()

function(expect_different what a b)
  if(a STREQUAL b)
    message(FATAL_ERROR "${what}: digests are the same, expected different ones")
  endif()
endfunction()

file(WRITE "${WORK}/here/t/a.h" "int a;\n")
file(WRITE "${WORK}/here/t/b.hip" "int b;\n")
digest_of(base "${WORK}/here/t/a.h" "${WORK}/here/t/b.hip")

digest_of(reversed "${WORK}/here/t/b.hip" "${WORK}/here/t/a.h")
expect_same("files in another order" ${base} ${reversed})

file(WRITE "${WORK}/elsewhere/deep/t/a.h" "int a;\n")
file(WRITE "${WORK}/elsewhere/deep/t/b.hip" "int b;\n")
digest_of(moved "${WORK}/elsewhere/deep/t/a.h" "${WORK}/elsewhere/deep/t/b.hip")
expect_same("another source directory" ${base} ${moved})

file(WRITE "${WORK}/here/t/c.hip" "int b;\n")
digest_of(renamed "${WORK}/here/t/a.h" "${WORK}/here/t/c.hip")
expect_different("a renamed file" ${base} ${renamed})

file(WRITE "${WORK}/here/t/b.hip" "int b; \n")
digest_of(edited "${WORK}/here/t/a.h" "${WORK}/here/t/b.hip")
expect_different("one more blank" ${base} ${edited})
