cmake_minimum_required(VERSION 3.25)
# The include check must fail when it is broken: run it over a tree that breaks it.
# Run: cmake -DROOT=<repo> -DWORK=<scratch> -P tests/habits/check_of_checks.cmake
function(expect_failure what file content)
  file(REMOVE_RECURSE ${WORK})
  file(WRITE ${WORK}/${file} "${content}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${ROOT}/tests/habits/check_includes.cmake
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(result EQUAL 0 OR NOT said MATCHES "1 includes point the wrong way")
    message(FATAL_ERROR "check_includes.cmake did not notice: ${what}")
  endif()
endfunction()

expect_failure("an arrow upwards" src/base/text.c "#include \"net/net.h\"")
expect_failure("a header that is no door" src/core/cell.c "#include \"delivery/internal.h\"")
expect_failure("a folder outside the table" src/stray/stray.c "int stray;")
expect_failure("filters looking into the daemon" filters/index.c "#include \"base/map.h\"")
expect_failure("a deliverer looking into the daemon" deliverers/http/http.c "#include \"core/core.h\"")
file(REMOVE_RECURSE ${WORK})
