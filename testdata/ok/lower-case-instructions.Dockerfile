arg BASE=busybox
from $BASE as build
run echo lower > /f
from $BASE
copy --from=build /f /g
