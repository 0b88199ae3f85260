# SPDX-License-Identifier: BSD-2-Clause
# cmake -DPROGRAM=p -DEXPECTED=f -P RunExample.cmake: p prints what is in f.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE got RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${status}; it printed:\n${got}")
endif()
file(READ ${EXPECTED} want)
if(NOT got STREQUAL want)
  message(FATAL_ERROR "expected:\n${want}\ngot:\n${got}")
endif()
