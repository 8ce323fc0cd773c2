# The compiler flags the project insists on, as interface targets.
include(CheckCCompilerFlag)

add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE
  -Wall -Wextra -Wpedantic
  -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
  -Wformat=2 -Wundef -Wvla -Walloca
  -Wcast-qual -Wcast-align -Wwrite-strings -Wpointer-arith
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference
  -Wunused-result -Wstrict-overflow=2 -Wdate-time
  -fno-common)

function(add_flag_if_known target flag)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(${target} INTERFACE ${flag})
  endif()
endfunction()

# Newer flags, taken where the compiler knows them.
add_flag_if_known(project_warnings -Wformat-signedness)
add_flag_if_known(project_warnings -fstrict-flex-arrays=3)

# Criterion's Test() defines globals, so only product code takes this one.
add_library(product_warnings INTERFACE)
target_link_libraries(product_warnings INTERFACE project_warnings)
add_flag_if_known(product_warnings -Wmissing-variable-declarations)
