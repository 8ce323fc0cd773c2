# Builds and installs the filter library alone and compiles a program against what was installed.
#   cmake -DSOURCE=filters -DPROGRAM=standalone.c -DPLACE=folder -DCC=cc -P standalone.cmake
file(REMOVE_RECURSE ${PLACE})
file(MAKE_DIRECTORY ${PLACE})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${PLACE}/build -DCMAKE_INSTALL_PREFIX=${PLACE}/installed
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_C_COMPILER=${CC})
run(${CMAKE_COMMAND} --build ${PLACE}/build -j 2)
run(${CMAKE_COMMAND} --install ${PLACE}/build)
set(ENV{PKG_CONFIG_PATH} ${PLACE}/installed/lib/pkgconfig)
execute_process(COMMAND pkg-config --cflags --libs --static fanfare-filter OUTPUT_VARIABLE flags
                RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "pkg-config does not know fanfare-filter")
endif()
separate_arguments(flags)
run(${CC} -std=c17 -Wall -Wextra -Werror -o ${PLACE}/program ${PROGRAM} ${flags})
run(${PLACE}/program)
