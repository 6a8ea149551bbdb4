# Where in its life the Pod is, read from its status alone, so that kwok may restart.
.status as $status
| [$status.containerStatuses[]?.state] as $containers
| if .metadata.deletionTimestamp then
    if any($containers[]; .running) then "Stopping" else "Stopped" end
  elif $status.startTime == null then "Scheduled"
  elif $status.phase == "Pending" then $containers[0].waiting.reason
  elif $status.phase != "Running" then $status.phase
  elif any($containers[]; .terminated) then
    if any($status.containerStatuses[]; .restartCount > 0) then "CrashedAgain" else "Crashed" end
  elif any($containers[]; .waiting) then "BackingOff"
  elif any($status.conditions[]; .type == "Ready" and .status == "True") then "Ready"
  else "Running"
  end
