{{/* Labels of every object. */}}
{{- define "tenant.labels" -}}
{{- toYaml .Values.labels }}
app.kubernetes.io/name: odoo
app.kubernetes.io/instance: {{ .Values.tenant }}
app.kubernetes.io/version: {{ .Values.release.version | quote }}
{{- end }}

{{/* Labels that select the pods of one component: they never change, because a selector cannot. */}}
{{- define "tenant.selector" -}}
app.kubernetes.io/name: odoo
app.kubernetes.io/instance: {{ .root.Values.tenant }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Where pods may run, as whom, and who waits when nodes are short. */}}
{{- define "tenant.pod" -}}
serviceAccountName: odoo
automountServiceAccountToken: false
enableServiceLinks: false
priorityClassName: {{ .Values.priorityClass }}
nodeSelector: {{- toYaml .Values.nodeSelector | nindent 2 }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 101
  runAsGroup: 101
  fsGroup: 101
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Pods of one component lie in different zones and on different nodes, as far as there are any. */}}
{{- define "tenant.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- include "tenant.selector" $ | nindent 8 }}
  {{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "tenant.selector" . | nindent 14 }}
{{- end }}

{{- define "tenant.container" -}}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "tenant.resources" -}}
resources:
  requests:
    cpu: {{ .cpuRequest | quote }}
    memory: {{ .memoryRequest | quote }}
    ephemeral-storage: 256Mi
  limits:
    cpu: {{ .cpuLimit | quote }}
    memory: {{ .memoryLimit | quote }}
    ephemeral-storage: 3Gi
{{- end }}

{{/* Secrets of the tenant, by reference. */}}
{{- define "tenant.secrets" -}}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: database-password}
- name: ODOO_ADMIN_PASSWD
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: admin-password}
{{- end }}

{{- define "tenant.sessions" -}}
{{- with .Values.cache }}
- name: STOREFLEET_SESSIONS_HOST
  {{- if .host }}
  value: {{ .host | quote }}
  {{- else }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.secrets.name }}, key: cache-host}
  {{- end }}
- name: STOREFLEET_SESSIONS_PORT
  value: {{ int .port | quote }}
- name: STOREFLEET_SESSIONS_TLS
  value: {{ .tls | quote }}
- name: STOREFLEET_SESSIONS_PREFIX
  value: {{ $.Values.tenant | quote }}
- name: STOREFLEET_SESSIONS_USER
  value: {{ $.Values.tenant | quote }}
- name: STOREFLEET_SESSIONS_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $.Values.secrets.name }}, key: cache-password}
{{- end }}
{{- end }}

{{/* What Odoo writes: its configuration with the master password in memory, the rest on the node, files on the volume. */}}
{{- define "tenant.mounts" -}}
- {name: configuration, mountPath: /etc/storefleet/odoo, readOnly: true}
- {name: run, mountPath: /run/odoo}
- {name: data, mountPath: /var/lib/odoo}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "tenant.volumes" -}}
- name: configuration
  configMap: {name: odoo}
- name: run
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: data
  emptyDir: {sizeLimit: 1Gi}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- end }}

{{- define "tenant.hosts" -}}
{{- $hosts := list }}
{{- range .hosts }}{{ $hosts = append $hosts (printf "Host(`%s`)" .) }}{{ end -}}
{{ join " || " $hosts }}
{{- end }}

{{/* A task's name says which attempt of which release it is: a Job never runs twice under one name. */}}
{{- define "tenant.task" -}}
{{ .task }}-{{ .root.Values.release.version | replace "." "-" }}-{{ int .root.Values.release.attempt }}
{{- end }}

{{/* Where sessions stay in pods, a visitor has to come back to the same one. */}}
{{- define "tenant.sticky" -}}
{{- if .Values.edge.sticky -}}
sticky:
  cookie: {name: storefleet_route, secure: true, httpOnly: true, sameSite: lax}
{{- end }}
{{- end }}

{{/* What a task runs in: a pod that is tried once and never again. */}}
{{- define "tenant.task-pod" -}}
restartPolicy: Never
{{ include "tenant.pod" . }}
terminationGracePeriodSeconds: 60
{{- end }}
