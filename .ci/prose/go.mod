module github.com/cancelbot/cancelbot/.ci/prose

go 1.26
