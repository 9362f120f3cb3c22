%% SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
%%
%% What actors.c measures, in Erlang: prints one number.
%%
%%	erl -noshell -s actors main NAME
%%
%% words: what process_info(memory) says of one that waits, its first heap and stack
%% included.
-module(actors).
-export([main/1]).

-define(TRIPS, 2000000).
-define(SPAWNS, 1000000).
-define(MANY, 100000).
-define(IDLE, 100000).
-define(BEHIND, 100).

main([Name]) ->
    io:format("~.1f~n", [float(bench(atom_to_list(Name)))]),
    halt(0).

%% Nanoseconds of each of N.
timed(N, Fun) ->
    Start = erlang:monotonic_time(nanosecond),
    Fun(),
    (erlang:monotonic_time(nanosecond) - Start) / N.

bench("ping-pong") ->
    Wall = spawn(fun wall/0),
    timed(?TRIPS, fun() -> ping(Wall, ?TRIPS) end);
bench("selective") ->
    Wall = spawn(fun wall/0),
    [self() ! noise || _ <- lists:seq(1, ?BEHIND)],
    timed(?TRIPS div 4, fun() -> ping(Wall, ?TRIPS div 4) end);
bench("call") ->
    Pid = spawn(fun answerer/0),
    timed(?TRIPS div 2, fun() -> calls(Pid, ?TRIPS div 2) end);
bench("spawn") ->
    timed(?SPAWNS, fun() -> spawns(?SPAWNS) end);
bench("spawn-many") ->
    Rounds = ?SPAWNS div ?MANY,
    timed(?SPAWNS, fun() -> [many() || _ <- lists:seq(1, Rounds)] end);
bench("words") ->
    Pids = [spawn(fun idle/0) || _ <- lists:seq(1, ?IDLE)],
    timer:sleep(500),
    Bytes = [element(2, erlang:process_info(Pid, memory)) || Pid <- Pids],
    lists:sum(Bytes) / ?IDLE / erlang:system_info(wordsize).

wall() ->
    receive
        {ball, From, N} ->
            From ! {ball, self(), N},
            wall()
    end.

ping(_, 0) -> ok;
ping(Wall, N) ->
    Wall ! {ball, self(), N},
    receive
        {ball, _, N} -> ping(Wall, N - 1)
    end.

%% As gen_server:call does it.
answerer() ->
    receive
        {call, {From, Ref}, N} ->
            From ! {Ref, N},
            answerer()
    end.

calls(_, 0) -> ok;
calls(Pid, N) ->
    Ref = erlang:monitor(process, Pid),
    Pid ! {call, {self(), Ref}, N},
    receive
        {Ref, N} ->
            erlang:demonitor(Ref, [flush]),
            calls(Pid, N - 1)
    end.

spawns(0) -> ok;
spawns(N) ->
    {Pid, Ref} = spawn_monitor(fun() -> ok end),
    receive
        {'DOWN', Ref, process, Pid, _} -> spawns(N - 1)
    end.

many() ->
    Self = self(),
    [spawn(fun() -> Self ! go end) || _ <- lists:seq(1, ?MANY)],
    [receive go -> ok end || _ <- lists:seq(1, ?MANY)],
    ok.

idle() ->
    receive stop -> ok end.
