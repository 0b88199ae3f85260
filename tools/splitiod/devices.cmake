# SPDX-License-Identifier: BSD-2-Clause
# What splitiod's devices are made of, for programs that have them too.
set(dir ${CMAKE_CURRENT_LIST_DIR})
set(splitiod_devices
  ${dir}/device.c ${dir}/disk_device.c ${dir}/disk_nodes.c ${dir}/journal.c ${dir}/media.c
  ${dir}/nic_device.c ${dir}/options.c ${dir}/options_check.c
  ${dir}/renew.c)
if(TARGET splitio-uring)
  list(APPEND splitiod_devices ${dir}/uring_medium.c)
  set(splitiod_devices_libs splitio-uring splitio-engine)
else()
  list(APPEND splitiod_devices ${dir}/uring_medium_none.c)
  set(splitiod_devices_libs splitio-engine)
endif()
