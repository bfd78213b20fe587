package main

import (
	"context"
	"os"
	_ "time/tzdata" // CronJobs with a timeZone, on machines without zoneinfo

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's exec credential plugins
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubenode "k8s.io/kubernetes/cmd/kubelet/app"
)

func etcd() { etcdmain.Main(os.Args) }

func apiserver() { os.Exit(cli.Run(kubeapiserver.NewAPIServerCommand())) }

func controllerManager() { os.Exit(cli.Run(kubecontrollermanager.NewControllerManagerCommand())) }

func scheduler() { os.Exit(cli.Run(kubescheduler.NewSchedulerCommand())) }

func kubelet() { os.Exit(cli.Run(kubenode.NewKubeletCommand(context.Background()))) }

func kubectl() {
	// Before the command is built: building it logs already (plugins, kuberc).
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
