module rtcbus-pion

go 1.19
